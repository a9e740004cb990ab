"""One printer of tables: plain text, one line a row, whatever the screen or the names."""

import pytest

from pipelines.config.table import LEFT, RIGHT, Column, format_table


def test_columns_are_as_wide_as_their_longest_cell_and_two_spaces_apart() -> None:
    rows = [("", "champion", "challenger"), ("auc", "0.9", "0.95"), ("test_auc", "1", "-")]
    assert format_table(rows) == (
        "          champion  challenger\nauc       0.9       0.95\ntest_auc  1         -"
    )


def test_numbers_stand_right_and_a_column_may_have_a_least_width_and_a_gap_of_its_own() -> None:
    columns = [Column(at_least=6, gap=1), Column(at_least=4, is_right=True, gap=3), LEFT]
    assert format_table([("a", "7", "x"), ("longer than", "1,234", "y")], columns) == (
        "a               7   x\nlonger than 1,234   y"
    )
    assert format_table([("7", "x"), ("12", "y")], [RIGHT]) == " 7  x\n12  y"


def test_every_line_is_indented_and_none_ends_with_spaces() -> None:
    assert format_table([("a", ""), ("b", "c")], indent=2) == "  a\n  b  c"


def test_a_shorter_row_ends_early_and_no_rows_are_no_text() -> None:
    assert format_table([("a", "b", "c"), ("d",)]) == "a  b  c\nd"
    assert format_table([]) == ""


@pytest.mark.parametrize("forced", [{}, {"FORCE_COLOR": "1"}, {"COLUMNS": "20", "TERM": "xterm"}])
def test_a_long_line_is_whole_and_has_no_colour(
    monkeypatch: pytest.MonkeyPatch, forced: dict[str, str]
) -> None:
    for name, value in forced.items():
        monkeypatch.setenv(name, value)
    long = "https://example.org/" + "x" * 300
    assert format_table([("page", long)]) == f"page  {long}"


def test_what_looks_like_markup_is_text() -> None:
    cells = ("[red]a[/red]", ":smile:", "[link=x]b")
    assert format_table([cells]) == "  ".join(cells)


def test_what_steers_a_screen_is_escaped_and_aligned_as_it_is_shown() -> None:
    rows = [("good\n9 forged\x1b[2K", "1"), ("\u202ex\ttab", "2")]
    assert format_table(rows) == ("good\\n9 forged\\x1b[2K  1\n\\u202ex\\ttab           2")


def test_wide_characters_take_two_places() -> None:
    assert format_table([("日本", "1"), ("abcd", "2")]) == "日本  1\nabcd  2"
