"""Functions of an expression: those on the list, and how others are refused."""

import pytest
from pyspark.sql import SparkSession

from feature_jobs.declaration.spark_functions import ALLOWED
from feature_jobs.declaration.sql import validate_expression
from tests.feature_jobs.declaration.expressions import (
    ANOTHER_RUN,
    MANY_ROWS,
    SEVERAL_ROWS,
    problems,
)


def test_a_function_that_is_not_on_the_list_is_refused_with_what_may_be_meant() -> None:
    assert problems("1 + score_of_2031(amount)") == [
        "position 5: score_of_2031() is not a function that an expression may call; "
        "feature_jobs/declaration/spark_functions.py lists those"
    ]
    assert problems("grestest(amount, 1)") == [
        "position 1: grestest() is not a function that an expression may call; "
        "did you mean 'greatest' or 'degrees'?"
    ]


def functions_of_spark(spark: SparkSession) -> dict[str, str]:
    """The Java class of each function whose name is a word."""
    # No public call tells an aggregate from a scalar function.
    java, catalog = spark._jvm, spark._jsparkSession.sessionState().catalog()
    names = [row[0] for row in spark.sql("show all functions").collect()]
    identifier = java.org.apache.spark.sql.catalyst.FunctionIdentifier
    return {
        name: catalog.lookupFunctionInfo(identifier(name)).getClassName()
        for name in names
        if name.isidentifier() and name not in {"and", "or", "not", "case", "in", "like", "ilike"}
    }


def test_no_function_on_the_list_reads_more_than_the_row(spark: SparkSession) -> None:
    java, catalyst = spark._jvm, "org.apache.spark.sql.catalyst.expressions"
    kinds = [
        java.java.lang.Class.forName(f"{catalyst}.{kind}")
        for kind in (
            "aggregate.AggregateFunction",
            "WindowFunction",
            "Generator",
            "Nondeterministic",
            "ExpressionWithRandomSeed",
            "CallMethodViaReflection",
            "RaiseError",
        )
    ]
    written_in = functions_of_spark(spark)
    more = {
        name
        for name, written in written_in.items()
        if any(kind.isAssignableFrom(java.java.lang.Class.forName(written)) for kind in kinds)
    }
    assert {"sum", "lag", "stack", "rand", "shuffle", "reflect"} <= more
    assert more & ALLOWED == set()


def test_every_function_on_the_list_is_one_of_sparks(spark: SparkSession) -> None:
    # Spark's grammar, not its catalogue, has these.
    assert ALLOWED - set(functions_of_spark(spark)) == {"timestampadd", "timestampdiff", "try_cast"}


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("sum(amount)", f"position 1: sum() {MANY_ROWS}"),
        ("amount / Max(amount)", f"position 10: max() {MANY_ROWS}"),
        ("min (amount)", f"position 1: min() {MANY_ROWS}"),
        ("count(*)", f"position 1: count() {MANY_ROWS}"),
        ("count(distinct amount)", f"position 1: count() {MANY_ROWS}"),
        ("1 + collect_list(amount)[0]", f"position 5: collect_list() {MANY_ROWS}"),
        ("approx_count_distinct(email)", f"position 1: approx_count_distinct() {MANY_ROWS}"),
        ("max_by(amount, hour)", f"position 1: max_by() {MANY_ROWS}"),
        ("first(amount)", f"position 1: first() {MANY_ROWS}"),
        ("any_value(amount)", f"position 1: any_value() {MANY_ROWS}"),
        ("any(amount > 1)", f"position 1: any() {MANY_ROWS}"),
        ("median(amount)", f"position 1: median() {MANY_ROWS}"),
        ("stddev(amount)", f"position 1: stddev() {MANY_ROWS}"),
        ("percentile(amount, 0.5)", f"position 1: percentile() {MANY_ROWS}"),
        ("percentile_approx(amount, 0.5)", f"position 1: percentile_approx() {MANY_ROWS}"),
        ("percentile_cont(0.5) within group (order by amount)",
         f"position 1: percentile_cont() {MANY_ROWS}"),
        ("sum(amount) filter (where hour > 1)", f"position 1: sum() {MANY_ROWS}"),
        ("`sum`(amount)", f"position 1: sum() {MANY_ROWS}"),
        ("system.builtin.sum(amount)", f"position 16: sum() {MANY_ROWS}"),
        ("abs(amount) over w", f"position 13: 'over' {MANY_ROWS}"),
        ("explode(array(amount))", f"position 1: explode() {SEVERAL_ROWS}"),
        ("posexplode(array(amount))", f"position 1: posexplode() {SEVERAL_ROWS}"),
        ("stack(2, amount, hour)", f"position 1: stack() {SEVERAL_ROWS}"),
        ("inline(array(struct(amount)))", f"position 1: inline() {SEVERAL_ROWS}"),
        ("json_tuple(email, 'a')", f"position 1: json_tuple() {SEVERAL_ROWS}"),
        ("window(event_time, '2 days', '1 day')", f"position 1: window() {SEVERAL_ROWS}"),
        ("amount * rand()", f"position 10: rand() {ANOTHER_RUN}"),
        ("rand(42)", f"position 1: rand() {ANOTHER_RUN}"),
        ("`rand`()", f"position 1: rand() {ANOTHER_RUN}"),
        ("RANDN()", f"position 1: randn() {ANOTHER_RUN}"),
        ("random()", f"position 1: random() {ANOTHER_RUN}"),
        ("uuid()", f"position 1: uuid() {ANOTHER_RUN}"),
        ("shuffle(array(1, 2))", f"position 1: shuffle() {ANOTHER_RUN}"),
        ("now()", f"position 1: now() {ANOTHER_RUN}"),
        ("event_time < current_timestamp()", f"position 14: current_timestamp() {ANOTHER_RUN}"),
        ("event_time < current_timestamp", f"position 14: current_timestamp {ANOTHER_RUN}"),
        ("event_time < Current_Date", f"position 14: current_date {ANOTHER_RUN}"),
        ("current_time", f"position 1: current_time {ANOTHER_RUN}"),
        ("localtimestamp()", f"position 1: localtimestamp() {ANOTHER_RUN}"),
        ("current_timezone()", f"position 1: current_timezone() {ANOTHER_RUN}"),
        ("unix_timestamp ( )", f"position 1: unix_timestamp() {ANOTHER_RUN}"),
        ("email = current_user", f"position 9: current_user {ANOTHER_RUN}"),
        ("user", f"position 1: user {ANOTHER_RUN}"),
        ("current_database()", f"position 1: current_database() {ANOTHER_RUN}"),
        ("monotonically_increasing_id()",
         f"position 1: monotonically_increasing_id() {ANOTHER_RUN}"),
        ("spark_partition_id()", f"position 1: spark_partition_id() {ANOTHER_RUN}"),
        ("input_file_name()", f"position 1: input_file_name() {ANOTHER_RUN}"),
        ("input_file_block_start()", f"position 1: input_file_block_start() {ANOTHER_RUN}"),
        ("version()", f"position 1: version() {ANOTHER_RUN}"),
        ("reflect('java.lang.System', 'exit')",
         "position 1: reflect() runs Java code; leave it out"),
        ("java_method('a', 'b')", "position 1: java_method() runs Java code; leave it out"),
        ("try_reflect('a', 'b')", "position 1: try_reflect() runs Java code; leave it out"),
        ("identifier('is_fraud')",
         "position 1: identifier() takes a name out of a text; write the name itself"),
    ],
)  # fmt: skip
def test_a_function_that_reads_more_than_the_row_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


def test_a_column_may_have_the_name_of_a_function() -> None:
    names = ["user", "count", "window", "version", "max"]
    assert validate_expression("user + count + window + version + max", columns=names) == []


@pytest.mark.parametrize(
    ("sql", "position", "text"),
    [
        ("event_time > 'now'", 14, "now"),
        ("date'today'", 5, "today"),
        ("to_date(' Tomorrow ')", 9, " Tomorrow "),
        ("cast('yesterday UTC' as timestamp)", 6, "yesterday UTC"),
        ('hour("now")', 6, "now"),
        ("event_time > r'now'", 14, "now"),
    ],
)
def test_a_text_that_spark_takes_for_the_clock_is_refused(
    sql: str, position: int, text: str
) -> None:
    assert problems(sql) == [f"position {position}: {text!r} can stand for the clock; leave it out"]


def test_a_window_function_is_refused_with_its_columns_looked_at() -> None:
    assert problems("lag(amount) OVER (partition by card order by event_time)") == [
        f"position 1: lag() {MANY_ROWS}",
        f"position 13: 'OVER' {MANY_ROWS}",
        "position 32: no column 'card'; did you mean 'card_id'?",
    ]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("amount like reflect('java.lang.System', 'getenv', 'X')",
         "position 13: reflect() runs Java code; leave it out"),
        ("email ilike java_method('a', 'b')",
         "position 13: java_method() runs Java code; leave it out"),
        ("email like rand()", f"position 12: rand() {ANOTHER_RUN}"),
        ("email like any (rand())", f"position 17: rand() {ANOTHER_RUN}"),
        ("email not ilike all (uuid())", f"position 22: uuid() {ANOTHER_RUN}"),
        ("amount /* /*+ */ + rand() + length('*/ -- ')", "position 8: a comment; leave it out"),
        ("amount -- twice", "position 8: a comment; leave it out"),
        ("-- first\namount", "position 1: a comment; leave it out"),
        ("amount /*+ broadcast(a) */ + 1", "position 8: a comment; leave it out"),
        ("/**/amount", "position 1: a comment; leave it out"),
        ("amount\u200b + 1", r"position 7: '\u200b' cannot be printed; leave it out"),
        ("`abs`(amount)", "position 1: 'abs' is a name in quotes; write the function's name"),
        ("system.builtin.abs(amount)",
         "position 1: 'abs' has a dot before it; write the function's name"),
        ("raise_error(email)", "position 1: raise_error() stops the build; leave it out"),
        ("email = X'6e6f77'",
         "position 9: \"X'6e6f77'\" is no plain text; write 'a text'"),
        ("email = 'a' 'b'", "position 13: two texts side by side; write one"),
        ("email = 'it''s'", "position 13: two texts side by side; write one"),
        ("email = '\\156ow'",
         r"position 10: \1 in a text; write the character itself, \\ for a backslash, or r'a text'"
         " where nothing is special"),
        ("1 << 2", "position 1: BitwiseLeftShift is no part of an expression; leave it out"),
        ("event_time - interval 1 day 2 hours",
         "position 1: can be read in two ways; put parentheses around its parts"),
        ("cast(email as varchar(3))", "position 15: 'varchar' has a length; cast to string"),
        ("cast(amount as int format 'x')",
         "position 6: a cast takes no more than a type; leave the rest out"),
        ("9223372036854775808L",
         "position 1: '9223372036854775808L' is no number; write it as 1.5"),
        ("date '2025-02'",
         "position 6: '2025-02' is no date or time; write it as 2025-01-31 or 2025-01-31 12:00:00"),
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(sql: str, problem: str) -> None:
    assert problems(sql) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "'now'", "' now'", "'NOW'", "'\\tnow\\n'", "'now UTC'", "'now+01:00'", "'today Z'",
        "'yesterday Europe/Berlin'", "'tomorrow'", "'epoch'", "'12:30'", "'T9:05:01'", "' 9:05'",
        '"now"',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form",
    [
        "event_time > {}", "timestamp {}", "date {}", "timestamp_ntz {}", "timestamp_ltz {}",
        "cast({} as timestamp)", "try_cast({} as date)", "{}::timestamp_ntz", "to_timestamp({})",
        "hour({})", "coalesce(event_time, {})", "array({})[0]", "case when true then {} end",
        "event_time in ({}, null)", "greatest(event_time, {})",
    ],
)  # fmt: skip
def test_a_clock_in_any_form_is_refused(form: str, text: str) -> None:
    assert any("can stand for the clock" in problem for problem in problems(form.format(text)))


@pytest.mark.parametrize(
    "text",
    [
        "'no' || 'w'", "concat('no', 'w')", "reverse('won')", "lower('NO' || 'W')",
        "left('nowx', 3)",
        "replace('nxw', 'x', 'o')", "split('x,now', ',')[1]", "trim('x' from 'xnow')", "chr(110)",
        "conv(29984, 10, 36)", "cast(1 as string)", "substring('xnow', 2)",
        "aggregate(array('no', 'w'), '', (a, x) -> a || x)", "date_format(date '2025-01-01', 'M')",
        "element_at(transform(array('won'), x -> reverse(x)), 1)",
        "array_join(array('no', 'w'), '')",
    ],
)  # fmt: skip
def test_a_text_put_together_of_constants_is_refused(text: str) -> None:
    assert any("constant texts put together" in p for p in problems(f"event_time > {text}"))
