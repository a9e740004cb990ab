"""Expressions that a spec may hold, and what a test says against others."""

from feature_jobs.declaration.sql import validate_expression

SCHEMA = (
    "amount double, hour int, card_id bigint, event_time timestamp, mean_7d double, email string,"
    " `first seen` timestamp, `größe` double"
)
COLUMNS = [
    "amount", "hour", "card_id", "event_time", "mean_7d", "email", "first seen", "größe"
]  # fmt: skip
LISTED = "amount, card_id, email, event_time, first seen, größe, hour, mean_7d"
LABEL = "is the label, which is not known when the row happens"
FORBIDDEN = {"is_fraud": LABEL, "known_time": "is when the label was known"}
MANY_ROWS = "reads many rows, and an expression reads one; declare it in [[features.windows]]"
ANOTHER_RUN = "may differ from run to run; use the columns of the row"
SEVERAL_ROWS = "makes several rows of one; leave it out"
QUERY = "is part of a query, and an expression reads one row; leave it out"
PARAMETER = "is a parameter, and nothing fills it in; write the value"
ELSEWHERE = "does not belong here; correct it there"


def problems(sql: str) -> list[str]:
    return validate_expression(sql, columns=COLUMNS, forbidden=FORBIDDEN)


GOOD = [
    "amount",
    "AMOUNT + Mean_7d",
    "`amount` / `Mean_7D`",
    "date_diff(event_time, `first seen`)",
    "`größe` * 2",
    "amount / greatest(mean_7d, 1)",
    "least(amount, mean_7d, 3.5)",
    "coalesce(amount, 0)",
    "if(amount > 100, 1, 0)",
    "case when amount > 100 then 1 when hour < 6 then 2 else 0 end",
    "case hour when 0 then 1 end",
    "weekday(event_time) >= 5",
    "hour",
    "hour(event_time)",
    "extract(hour from event_time)",
    "ln(abs(amount) + 1)",
    "nullif(amount, 0)",
    "amount between 1 and 10",
    "amount not between 1 and 10",
    "hour in (0, 1, 2)",
    "hour not in (0, 1)",
    "cast(amount as decimal(10, 2))",
    "try_cast(email as double)",
    "amount::double",
    "hour::string::int",
    "date_trunc('day', event_time)",
    "trunc(event_time, 'month')",
    "event_time - interval 1 day",
    "event_time - interval '1 2' day to hour",
    "datediff(DAY, event_time, `first seen`)",
    "timestampdiff(HOUR, event_time, `first seen`)",
    "dateadd(HOUR, 1, event_time)",
    "date_add(event_time, 1)",
    "event_time > timestamp '2025-01-01'",
    "to_date('2025-01-01')",
    "unix_timestamp(event_time)",
    "substring(email, 1, 3)",
    "substring(email from 1 for 3)",
    "position('@' in email) > 0",
    "trim(both ' ' from email)",
    "overlay(email placing 'x' from 1 for 2)",
    "email rlike '^[a-z]+@'",
    "email not rlike 'x'",
    "email like 'a%' escape '/'",
    "email ilike 'A%'",
    "email like any ('a%', 'b%')",
    "email not like all ('a%', 'b%')",
    "concat(email, '-', hour)",
    "email || 'x' || hour",
    'email = "user"',
    "email = 'current_date'",
    "email = 'is_fraud; rand() :x ? * nowhere'",
    r"email rlike r'\d+$'",
    "not (amount > 1 and hour < 3 or hour is null)",
    "amount is not null",
    "!(amount > 1)",
    "amount <=> mean_7d",
    "amount is distinct from mean_7d",
    "amount == 1",
    "amount != 1 and amount <> 2",
    "card_id % 10 + card_id div 10",
    "-hour & ~hour | hour ^ 3",
    "1e3 + 1.5BD + 2L + 1.5F + .5",
    "null",
    "true",
    "split(email, '@')[0]",
    "element_at(map('a', amount), 'a')",
    "transform(split(email, ''), x -> length(x) + hour)",
    "aggregate(array(1, 2), 0, (acc, x) -> acc + x)",
    "exists(array(amount), x -> x > mean_7d)",
    "size(filter(array(amount), Amount -> Amount > 1))",
    "named_struct('a', amount).a",
    "named_struct('user', amount).user",
    "struct(amount as a).a",
    "mask(email, lowerChar => 'x')",
    "cast(null as struct<a: int, b: array<string>>).a",
    "xxhash64(email) % 100",
    "try_divide(amount, mean_7d)",
    "round(amount, 2) = bround(amount, 2)",
    "(((amount)))",
]
