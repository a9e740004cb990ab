"""A call of every function on the list, and operators, with values in rows."""

# One call of each function that may be called, by its name.
CALLS = """
| abs(amount) | acos(amount) | acosh(amount) | asin(amount) | asinh(amount) | atan(amount)
| atan2(amount, mean_7d) | atanh(amount) | bround(amount, 1) | cbrt(amount) | ceil(amount)
| ceiling(amount) | cos(amount) | cosh(amount) | cot(amount) | csc(amount) | degrees(amount)
| div(hour, 5) | e() * amount | exp(hour) | expm1(hour) | factorial(hour) | floor(amount)
| greatest(amount, mean_7d) | hypot(amount, hour) | least(amount, 3.5) | ln(amount)
| log(2, amount) | log10(amount) | log1p(amount) | log2(amount) | mod(card_id, 7)
| negative(amount) | pi() * hour | pmod(hour, 5) | positive(hour) | pow(amount, 2)
| power(amount, 0.5) | radians(amount) | rint(amount) | round(amount, 2) | sec(amount)
| sign(amount) | signum(amount) | sin(amount) | sinh(hour) | sqrt(amount) | tan(amount)
| tanh(amount) | try_add(card_id, 9223372036854775807) | try_divide(amount, hour)
| try_mod(hour, 0) | try_multiply(hour, 2) | try_subtract(hour, 2)
| width_bucket(amount, 0, 100, 10) | bit_count(card_id) | bit_get(card_id, 1)
| getbit(card_id, 0) | shiftleft(hour, 2) | shiftright(hour, 1) | shiftrightunsigned(hour, 1)
| isnan(amount) | nanvl(amount, 0) | coalesce(amount, 0) | equal_null(hour, 3)
| if(hour > 3, 1, 0) | ifnull(hour, 1) | isnotnull(hour) | isnull(hour) | nullif(hour, 3)
| nullifzero(hour) | nvl(hour, 1) | nvl2(hour, 1, 0) | zeroifnull(hour)
| add_months(event_time, 1) | date_add(event_time, 40) | date_diff(event_time, `first seen`)
| date_from_unix_date(hour) | date_part('week', event_time) | date_sub(event_time, 3)
| date_trunc('hour', event_time) | dateadd(MONTH, 1, event_time)
| datediff(event_time, `first seen`) | datepart('dow', event_time) | day(event_time)
| dayname(event_time) | dayofmonth(event_time) | dayofweek(event_time) | dayofyear(event_time)
| extract(week from event_time) | from_utc_timestamp(event_time, 'Europe/Berlin')
| hour(event_time) | last_day(event_time) | make_date(2025, 2, hour)
| make_dt_interval(1, hour, 3, 4.5) | make_timestamp(2025, 1, 31, hour, 30, 5.25)
| make_ym_interval(1, hour) | minute(event_time) | month(event_time) | monthname(event_time)
| months_between(event_time, `first seen`) | next_day(event_time, 'Mon') | quarter(event_time)
| second(event_time) | timestamp_micros(hour) | timestamp_millis(hour)
| timestamp_seconds(hour) | timestampadd(minute, hour, event_time)
| timestampdiff(day, `first seen`, event_time) | to_date(event_time)
| to_timestamp('2025-01-31 12:30:00.5') | to_timestamp(substring(email, 1, 4), 'yyyy')
| to_unix_timestamp(event_time) | to_utc_timestamp(event_time, 'America/New_York')
| trunc(event_time, 'quarter') | unix_date(to_date(event_time)) | unix_micros(event_time)
| unix_millis(event_time) | unix_seconds(event_time) | unix_timestamp(event_time)
| weekday(event_time) | weekofyear(event_time) | year(event_time) | ascii(email)
| bit_length(email) | char_length(email) | character_length(email) | contains(email, 'a')
| crc32(email) | endswith(email, 'm') | find_in_set('a', email) | hash(email, hour)
| instr(email, 'a') | is_valid_utf8(email) | jaro_winkler_similarity(email, 'ann') | len(email)
| length(email) | levenshtein(email, 'ann') | locate('a', email, 2) | luhn_check(email)
| md5(email) | octet_length(email) | position('a', email) | regexp(email, 'a+')
| regexp_count(email, 'a') | regexp_instr(email, 'n') | regexp_like(email, '^a')
| rlike(email, r'\\w') | sha(email) | sha1(email) | sha2(email, 256) | soundex(email)
| startswith(email, 'a') | xxhash64(email, hour) | json_array_length('[1, 2]')
| aggregate(array(hour, 2), 0, (acc, x) -> acc + x) | size(array(1, hour))
| array_append(array(1), hour) | array_compact(array(1, hour))
| array_contains(array(1, 2, 3), hour) | array_distinct(array(1, hour, 1))
| array_except(array(1, hour), array(1)) | array_insert(array(1), 1, hour)
| array_intersect(array(3), array(hour)) | array_max(array(1, hour))
| array_min(array(1, hour)) | array_position(array(3), hour) | array_prepend(array(1), hour)
| array_remove(array(1, 3), hour) | array_size(array(1, hour)) | array_sort(array(3, hour))
| array_union(array(1), array(hour)) | arrays_overlap(array(3), array(hour))
| arrays_zip(array(1), array(hour)) | cardinality(array(1)) | element_at(array(1, hour), 2)
| exists(array(hour), x -> x > 2) | filter(array(hour, 1), x -> x > 2)
| flatten(array(array(1), array(hour))) | forall(array(hour), x -> x > 2)
| get(array(1, hour), 1) | map_values(map('a', hour))
| map_values(map_concat(map('a', 1), map('b', hour))) | map_contains_key(map('a', hour), 'a')
| map_entries(map('a', hour)) | map_values(map_filter(map('a', hour), (k, v) -> v > 2))
| map_values(map_from_arrays(array('a'), array(hour)))
| map_values(map_from_entries(array(struct('a', hour)))) | map_keys(map('a', hour))
| map_values(map_zip_with(map('a', 1), map('a', hour), (k, a, b) -> a + b))
| named_struct('a', hour).a | reduce(array(1, hour), 0, (acc, x) -> acc + x)
| slice(array(1, hour), 2, 1) | sort_array(array(3, hour)) | struct(hour).hour
| transform(array(hour), (x, i) -> x + i)
| map_keys(transform_keys(map('a', hour), (k, v) -> concat(k, 'b', coalesce(email, ''))))
| map_values(transform_values(map('a', hour), (k, v) -> v + 1))
| try_element_at(array(1, hour), 5) | zip_with(array(1), array(hour), (x, y) -> x + y)
| map('a', hour)['a'] | array(hour, 1) | bigint(hour) | boolean(hour)
| cast(amount as decimal(10, 3)) | date(event_time) | decimal(hour) | double(hour)
| float(amount) | int(amount) | smallint(hour) | timestamp(event_time) | tinyint(hour)
| try_cast(email as int) | array_join(split(email, 'a'), '-') | base64(encode(email, 'utf-8'))
| bin(card_id) | btrim(email) | char(hour + 64) | chr(hour + 64) | concat(email, '-', hour)
| concat_ws('-', email, hour) | conv(hour, 10, 2)
| date_format(event_time, "yyyy-MM-dd'T'HH:mm:ss.SSS EEE") | decode(hour, 3, 'three', email)
| encode(email, 'utf-8') | elt(2, 'a', email) | format_number(amount, 2)
| format_string('%s-%d', email, hour) | from_base32(to_base32(encode(email, 'utf-8')))
| from_unixtime(hour, 'yyyy-MM-dd HH:mm') | get_json_object(concat('{"a":', hour, '}'), '$.a')
| hex(email) | initcap(email) | lcase(email) | left(email, 3) | lower(email)
| lpad(email, 9, '*') | ltrim(email) | mask(email, lowerChar => 'q')
| overlay(email placing '__' from 2) | parse_url(concat('http://x/?a=', hour), 'QUERY', 'a')
| printf('%s', email) | quote(email) | regexp_extract(email, '([a-z]+)@([a-z]+)', 2)
| regexp_extract_all(email, '(a)', 1) | regexp_replace(email, '[aeiou]', '*')
| regexp_substr(email, 'a.') | replace(email, 'a', '') | reverse(email) | right(email, 3)
| rpad(email, 9, '*') | rtrim(email) | split(email, '[@.]')[0] | split_part(email, '@', 1)
| map_values(str_to_map(email, '&', '=')) | string(amount) | substr(email, 2, 3)
| substring(email from 2) | substring_index(email, '.', 1) | to_base32(encode(email, 'utf-8'))
| to_char(pmod(hour, 9), '999') | to_number(string(pmod(hour, 9)), '99')
| to_varchar(pmod(hour, 9), '999') | translate(email, 'ae', 'xy')
| trim(leading 'a' from email) | try_parse_url(email, 'HOST') | try_to_number(email, '999')
| try_url_decode(email) | ucase(email) | unbase64(base64(encode(email, 'utf-8')))
| unhex(hex(email)) | upper(email) | url_decode(url_encode(email)) | url_encode(email)
"""
OPERATORS = [
    "amount - mean_7d - hour - 1",
    "amount - (mean_7d - (hour - 1))",
    "amount / mean_7d / 2 * hour",
    "amount / (mean_7d * hour)",
    "-amount - -hour",
    "card_id div 3 * 3 + card_id % 3",
    "(card_id + 1) % 3",
    "hour & 6 | 1 ^ 3",
    "~hour & 255",
    "hour + 1 & 3",
    "not hour = 3 and amount > 1 or hour is null",
    "not (hour = 3 and (amount > 1 or hour is null))",
    "(amount <=> mean_7d) = (hour <=> null)",
    "amount <=> mean_7d and not hour <=> 3",
    "hour not in (1, 2, null) or hour in (3)",
    "hour between -1 and 5 and amount not between 0 and 10",
    "case when hour between 1 and 5 then 'a' when email like 'g%' then 'b' else null end",
    "case hour + 1 when 4 then amount when 0 then -amount end",
    "email like '%100\\%%'",
    "email like '%100!%%' escape '!'",
    "email like '%\\\\\\\\%'",
    r"email rlike r'\\\s' or email rlike '\\\\\\s'",
    "email = 'It\\'s 100% \\\\ \"a\"\\n\\tb_c'",
    'email = "It\'s 100% \\\\ \\"a\\"\\n\\tb_c"',
    "email like '_r__e 数%😀' or email ilike 'GRÖ%'",
    "email like any ('a%', '%x') or email not like all ('%1%', '%2%') or email ilike any ('N%')",
    "email not ilike 'a%' and email not rlike 'z'",
    "email || '|' || hour || '|' || amount",
    "cast(amount as decimal(20, 4)) * cast(hour as decimal(10, 2)) / 7",
    "cast(email as double) is null and try_cast(email as int) is not null",
    "cast(amount as string) || cast(event_time as string) || cast(cast(amount as int) as string)",
    "amount::int::string::decimal(10, 1)",
    "1.5BD + 1.10 + 1e-3 + 1.5F + 2D + 3L + 4S + 5Y + hour",
    "event_time between timestamp '2025-01-01' and timestamp '2025-12-31 23:59:59.999999'",
    "event_time > timestamp '2025-07-04 06:00:00+02:00'",
    "to_date(event_time) = date '2025-07-04'",
    "cast(event_time as timestamp_ntz) > timestamp_ntz '2025-01-31 12:30:59'",
    "event_time - interval 1 month",
    "event_time + interval '1 02:03:04.5' day to second",
    "event_time - interval '1-2' year to month",
    "event_time + interval '-3' hour",
    "(event_time - `first seen`) > interval 10 days",
    "event_time - `first seen`",
    "datediff(event_time, `first seen`) / 7.0",
    "date_add(HOUR, hour, event_time)",
    "timestampdiff(MICROSECOND, `first seen`, event_time)",
    "extract(second from event_time) + extract(dayofweek from event_time)",
    "`größe` * 2 + `Größe`",
    "transform(filter(split(email, ''), x -> x > 'a'), (x, i) -> concat(x, i, email))",
    "aggregate(transform(split(email, '[,;]'), x -> len(x)), 0, (a, x) -> a * 2 + x, a -> a + 1)",
    "(struct(amount as `end`, hour).`end` = amount) is not true",
    "hour is true",
    "null",
    "not true or false",
]


def split_calls() -> list[str]:
    """The calls of the list."""
    return [call.strip() for call in CALLS.split("|") if call.strip()]
