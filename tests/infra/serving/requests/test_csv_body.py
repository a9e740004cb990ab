import struct

import pytest

from infra.serving.model.bundle import Feature
from infra.serving.model.reasons import Reason
from infra.serving.model.refusal import RequestError
from infra.serving.model.scorer import Prediction
from infra.serving.model.signature import MAX_INSTANCES, Signature
from infra.serving.requests.csv_body import CsvReader, write_csv

FEATURES = (
    Feature("amount", "numeric"),
    Feature("count", "numeric"),
    Feature("channel", "categorical", ("app", "a, b")),
)
READER = CsvReader(Signature(FEATURES))


def read(text):
    return READER.read(text if isinstance(text, bytes) else text.encode())


def numbers(text):
    return [struct.unpack("3f", row.numbers) for row in read(text).rows]


def refusal(text):
    with pytest.raises(RequestError) as caught:
        read(text)
    return caught.value


def test_with_a_header_columns_stand_in_any_order():
    assert numbers("channel,count,amount\napp,2,1.5\n") == [(1.5, 2.0, 0.0)]


def test_without_a_header_columns_stand_in_the_models_order():
    assert numbers('1.5,2,"a, b"\r\n+.5,1e2,app') == [(1.5, 2.0, 1.0), (0.5, 100.0, 0.0)]


def test_an_empty_cell_is_a_missing_value():
    (row,) = read("amount,count,channel\n,2,\n").rows
    assert row.missing == (0, 2)


def test_a_byte_order_mark_is_no_part_of_a_name():
    assert numbers("\ufeffamount,count,channel\n1,2,app\n") == [(1.0, 2.0, 0.0)]


def test_every_wrong_column_is_named():
    error = refusal("amout,count,count,channel\n1,2,2,app\n")
    assert error.problems == (
        "amount: no such column; an empty cell is a missing value",
        "amout: unknown column",
        "count: stands twice",
    )


def test_every_wrong_cell_is_named_and_none_is_repeated():
    error = refusal("amount,count,channel\nnan,0x1F,fax\n1e999,1_000,app\n")
    assert error.problems == (
        "instances[0].amount: expected a number or null, got text",
        "instances[0].channel: not one of the 2 categories that training saw",
        "instances[0].count: expected a number or null, got text",
        "instances[1].amount: expected a number, got one beyond the range of a double",
        "instances[1].count: expected a number or null, got text",
    )
    assert "0x1F" not in str(error)


def test_rows_of_another_width_are_named():
    assert refusal("1,2,app\n1,2\n1,2,app,4\n").problems == (
        "instances[1]: 2 cells, expected 3",
        "instances[2]: 4 cells, expected 3",
    )


def test_a_row_of_sixty_columns_with_every_cell_wrong_is_refused_with_sixty_reasons():
    reader = CsvReader(Signature(tuple(Feature(f"f{n:02d}", "numeric") for n in range(60))))
    with pytest.raises(RequestError) as caught:
        reader.read(",".join(["x"] * 60).encode())
    assert len(caught.value.problems) == 60


def test_a_header_much_wider_than_the_model_is_refused_for_its_width():
    error = refusal(",".join(["amount", *(f"a{n}" for n in range(900_000))]))
    assert "900,001 cells" in str(error)
    assert error.problems == ()


def test_more_rows_than_a_request_may_hold_are_refused():
    assert refusal("1,2,app\n" * (MAX_INSTANCES + 1)).status == 413
    assert len(read("amount,count,channel\n" + "1,2,app\n" * MAX_INSTANCES).rows) == MAX_INSTANCES


@pytest.mark.parametrize(
    "body",
    [b"", b"\n\n", b"amount,count,channel\n", b'1,2,"app', b"1,2,\xff", b"\x00"],
)
def test_what_is_no_table_is_refused(body):
    assert refusal(body).status == 400


def test_predictions_are_written_with_the_digits_that_give_their_bits_back():
    score = 0.1 + 0.2
    text = write_csv(
        [
            Prediction(score, 0.5, "alert", "t", (Reason("amount", "large", 1.25),)),
            Prediction(0.25, 0.125, "pass", "t"),
        ]
    ).decode()
    assert text == (
        "score,probability,decision,threshold,reasons\n"
        "0.30000000000000004,0.5,alert,t,amount:1.25\n"
        "0.25,0.125,pass,t,\n"
    )
