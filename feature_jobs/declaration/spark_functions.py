"""Functions that an expression may call: of one row, deterministic, without side effects.

A list of what may be called, so that a function that Spark gets one day is refused until somebody
has read what it does. What is refused for a known reason says so.
"""

from difflib import get_close_matches

_NUMBERS = """
    abs acos acosh asin asinh atan atan2 atanh bround cbrt ceil ceiling cos cosh cot csc degrees div
    e exp expm1 factorial floor greatest hypot least ln log log10 log1p log2 mod negative pi pmod
    positive pow power radians rint round sec sign signum sin sinh sqrt tan tanh try_add try_divide
    try_mod try_multiply try_subtract width_bucket bit_count bit_get getbit shiftleft shiftright
    shiftrightunsigned isnan nanvl"""
_CHOICES = """
    coalesce equal_null if ifnull isnotnull isnull nullif nullifzero nvl nvl2 zeroifnull"""
_TIMES = """
    add_months date_add date_diff date_from_unix_date date_part date_sub date_trunc dateadd datediff
    datepart day dayname dayofmonth dayofweek dayofyear extract from_utc_timestamp hour last_day
    make_date make_dt_interval make_timestamp make_ym_interval minute month monthname months_between
    next_day quarter second timestamp_micros timestamp_millis timestamp_seconds timestampadd
    timestampdiff to_date to_timestamp to_unix_timestamp to_utc_timestamp trunc unix_date
    unix_micros unix_millis unix_seconds unix_timestamp weekday weekofyear year"""
_OF_TEXTS = """
    ascii bit_length char_length character_length contains crc32 endswith find_in_set hash instr
    is_valid_utf8 jaro_winkler_similarity len length levenshtein locate luhn_check md5 octet_length
    position regexp regexp_count regexp_instr regexp_like rlike sha sha1 sha2 soundex startswith
    xxhash64 json_array_length"""
_ARRAYS = """
    aggregate array array_append array_compact array_contains array_distinct array_except
    array_insert array_intersect array_max array_min array_position array_prepend array_remove
    array_size array_sort array_union arrays_overlap arrays_zip cardinality element_at exists filter
    flatten forall get map map_concat map_contains_key map_entries map_filter map_from_arrays
    map_from_entries map_keys map_values map_zip_with named_struct reduce size slice sort_array
    struct transform transform_keys transform_values try_element_at zip_with"""
_CASTS = """
    bigint boolean cast date decimal double float int smallint timestamp tinyint try_cast"""
_MAKE_TEXTS = """
    array_join base64 bin btrim char chr concat concat_ws conv date_format decode elt encode
    format_number format_string from_base32 from_unixtime get_json_object hex initcap lcase left
    lower lpad ltrim mask overlay parse_url printf quote regexp_extract regexp_extract_all
    regexp_replace regexp_substr replace reverse right rpad rtrim split split_part str_to_map string
    substr substring substring_index to_base32 to_char to_number to_varchar translate trim
    try_parse_url try_to_number try_url_decode ucase unbase64 unhex upper url_decode url_encode"""

# A constant text that is put together by one of these could be `now` without showing it.
MAKE_TEXTS = frozenset(_MAKE_TEXTS.split())
ALLOWED = MAKE_TEXTS.union(
    *(names.split() for names in (_NUMBERS, _CHOICES, _TIMES, _OF_TEXTS, _ARRAYS, _CASTS))
)

# These take a unit of time, as a word, before two more arguments.
WITH_UNITS = frozenset(
    "date_add date_diff dateadd datediff timestampadd timestampdiff".split()  # noqa: SIM905
)
UNITS = frozenset(
    "year quarter month week day dayofyear hour minute second millisecond microsecond".split()  # noqa: SIM905
)

MANY_ROWS = "reads many rows, and an expression reads one; declare it in [[features.windows]]"
ANOTHER_RUN = "may differ from run to run; use the columns of the row"
REASONS = {
    name: problem
    for problem, names in {
        MANY_ROWS: """
            any any_value approx_count_distinct approx_percentile approx_top_k
            approx_top_k_accumulate approx_top_k_combine array_agg avg bit_and bit_or bit_xor
            bitmap_and_agg bitmap_construct_agg bitmap_or_agg bool_and bool_or collect_list
            collect_set collect_union corr count count_if count_min_sketch counter_diff covar_pop
            covar_samp cume_dist dense_rank every first first_value grouping grouping_id
            histogram_numeric hll_sketch_agg hll_union_agg kll_merge_agg_bigint
            kll_merge_agg_double kll_merge_agg_float kll_sketch_agg_bigint kll_sketch_agg_double
            kll_sketch_agg_float kurtosis lag last last_value lead listagg max max_by mean measure
            median min min_by mode nth_value ntile percent_rank percentile percentile_approx
            percentile_cont percentile_disc rank regr_avgx regr_avgy regr_count regr_intercept
            regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number schema_of_variant_agg skewness
            some std stddev stddev_pop stddev_samp string_agg sum theta_intersection_agg
            theta_sketch_agg theta_union_agg try_avg try_sum tuple_intersection_agg_double
            tuple_intersection_agg_integer tuple_sketch_agg_double tuple_sketch_agg_integer
            tuple_union_agg_double tuple_union_agg_integer var_pop var_samp variance vector_avg
            vector_sum""",
        "makes several rows of one; leave it out": """
            collations explode explode_outer inline inline_outer json_tuple posexplode
            posexplode_outer session_window sql_keywords stack variant_explode
            variant_explode_outer window""",
        ANOTHER_RUN: """
            aes_encrypt curdate current_catalog current_database current_date current_path
            current_schema current_time current_timestamp current_timezone current_user
            input_file_block_length input_file_block_start input_file_name localtime localtimestamp
            monotonically_increasing_id now rand randn random randstr session_user shuffle
            spark_partition_id uniform user uuid version""",
        "runs Java code; leave it out": "java_method reflect try_reflect",
        "takes a name out of a text; write the name itself": "identifier",
        "stops the build; leave it out": "assert_true raise_error",
    }.items()
    for name in names.split()
}
# Words that are functions of the clock or the session also where no parentheses follow.
BARE = frozenset(name for name, reason in REASONS.items() if reason == ANOTHER_RUN)


def refusal(name: str) -> str:
    """Say why a function may not be called.

    >>> refusal("loq")
    "is not a function that an expression may call; did you mean 'log'?"
    """
    if name in REASONS:
        return REASONS[name]
    near = get_close_matches(name, sorted(ALLOWED), n=2)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else (
        "feature_jobs/declaration/spark_functions.py lists those"
    )  # fmt: skip
    return f"is not a function that an expression may call; {hint}"
