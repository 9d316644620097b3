"""Pages whose code is run, and the helper that runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import PAGES, blocks, check_page, outputs, write_page


def test_the_worked_examples_of_the_lectures() -> None:
    check_page(PAGES / "docs" / "worked-examples.md")


PAGE = """# A page

```python
x = 2
```

```python
print(x + 1)
print("two")
```

```text
3
two
```

Something between.

```python
print("unseen")
```

And more.

```text
not the output of anything
```

```sh
ls
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_a_block_goes_with_the_text_right_behind_it() -> None:
    found = list(blocks(PAGE))
    assert [(block.line, block.expected) for block in found] == [(4, None), (8, "3\ntwo\n"), (20, None)]


def test_blocks_share_a_namespace(page: Path) -> None:
    assert [printed for _, printed in outputs(page)] == ["", "3\ntwo\n", "unseen\n"]


def test_what_is_printed_must_be_on_the_page(page: Path) -> None:
    with pytest.raises(AssertionError, match=r"page\.md:20"):
        check_page(page)
    page.write_text(PAGE.replace('print("unseen")', "").replace("two\n```\n\nS", "too\n```\n\nS"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md:8"):
        check_page(page)


def test_outputs_are_written_into_the_page(page: Path) -> None:
    page.write_text(PAGE.replace("3\ntwo\n", "").replace('print("unseen")', ""), encoding="utf-8")
    write_page(page)
    assert page.read_text(encoding="utf-8") == PAGE.replace('print("unseen")', "")
    check_page(page)


def test_an_error_names_the_line_of_the_page(page: Path) -> None:
    page.write_text("text\n\n```python\nx = 1\nx / 0\n```\n", encoding="utf-8")
    with pytest.raises(ZeroDivisionError) as caught:
        check_page(page)
    entry = caught.traceback[-1]
    assert (str(entry.path), entry.lineno + 1) == (str(page), 5)


def test_a_page_without_code_is_a_mistake(page: Path) -> None:
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="has no python blocks"):
        check_page(page)
