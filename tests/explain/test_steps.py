"""The stepped form: what each step says, and the page in a browser, by keys and buttons."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import lexgrad as lg
from tests.browser import Browser, found
from tests.explain.test_pictures import first_example, network


def said(page: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<li [^>]*>(.*?)</li>", page, re.DOTALL)]


def test_forward_then_backward_with_the_chain_rule() -> None:
    L, b = first_example()
    steps = said(lg.draw(L, b).html)
    assert steps[:5] == [
        "Given: c = −2, a = 3, b = 1.",
        "d = 2 · b = 2",
        "e = a + d = 5",
        "L = c · e = −10",
        "The blame begins at L: ∂L/∂L = 1.",
    ]
    assert set(steps[5:]) == {
        "∂L/∂e = c = −2",
        "∂L/∂d = ∂L/∂e · ∂e/∂d = −2 · 1 = −2",
        "∂L/∂b = ∂L/∂d · ∂d/∂b = −2 · 2 = −4",
        "∂L/∂a = ∂L/∂e · ∂e/∂a = −2 · 1 = −2",
        "∂L/∂c = e = 5",
    }


def test_a_value_that_is_used_twice_adds_up_what_comes_back() -> None:
    (x,) = lg.variables(x=2.0)
    u, v = (3 * x).named("u"), (x * x).named("v")
    (last,) = [step for step in said(lg.draw((u * v).named("L")).html) if step.startswith("∂L/∂x")]
    sums = last.split("\n")[0].split(" = ")[1]
    assert set(sums.split(" + ")) == {"∂L/∂u · ∂u/∂x", "∂L/∂v · ∂v/∂x"}
    assert "= 36" in last
    assert "where" in last


def test_the_page_needs_nothing_from_outside() -> None:
    page = lg.draw(*network()).html
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "default-src 'none'" in page
    assert not re.search(r"\[\[[a-z]+\]\]", page)  # no hole of the template is left open


def test_in_a_browser_by_keys_and_buttons(tmp_path: Path) -> None:
    program = found()
    L, b = first_example()
    path = lg.draw(L, b).save(tmp_path / "steps.html")
    with Browser(program) as browser:
        browser.open(path)
        say = "document.getElementById('say').textContent"
        shown = "getComputedStyle(document.querySelector('.card.final .{}')).visibility"
        assert browser.evaluate(say).startswith("Given:")
        assert browser.evaluate(shown.format("value")) == "hidden"
        for _ in range(3):
            browser.press("ArrowRight")
        assert browser.evaluate(say) == "L = c · e = −10"
        assert browser.evaluate(shown.format("value")) == "visible"
        assert browser.evaluate(shown.format("gradient")) == "hidden"
        assert browser.evaluate("document.querySelectorAll('.card.now').length") == 1
        browser.press("b")
        assert browser.evaluate(say).startswith("The blame begins at L")
        browser.press("End")
        assert browser.evaluate("document.querySelectorAll('#steps li').length") == 10
        assert browser.evaluate(
            "Array.from(document.querySelectorAll('.gradient')).every(t => getComputedStyle(t).visibility == 'visible')"
        )
        browser.press("ArrowRight")  # there is nothing beyond the end
        assert browser.evaluate("document.getElementById('place').textContent") == "step 10 of 10, backward"
        browser.evaluate("document.querySelector('button[data-go=first]').click()")
        browser.evaluate("document.querySelector('button[data-go=next]').click()")
        assert browser.evaluate(say) == "d = 2 · b = 2"
        assert browser.evaluate("document.querySelector('li[aria-current]').textContent") == "d = 2 · b = 2"
        for _ in range(2):  # the keyboard reaches the graph, then the buttons
            browser.press("Tab")
        assert browser.evaluate("document.activeElement.tagName") in ("DIV", "BUTTON")
        assert browser.evaluate("document.getElementById('say').getAttribute('aria-live')") == "polite"
        assert browser.complaints == []


def test_in_a_browser_no_text_leaves_its_card_or_covers_another(tmp_path: Path) -> None:
    program = found()
    loss, W1 = network()
    drawn = lg.draw(loss, W1[0, 0])
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>graph</title>{drawn.svg}", encoding="utf-8")
    script = """(() => {
      const texts = Array.from(document.querySelectorAll('svg text')).map(t => [t, t.getBoundingClientRect()]);
      const wrong = [];
      texts.forEach(([t, a], i) => {
        const box = t.parentNode.querySelector('rect').getBoundingClientRect();
        if (a.left < box.left - 1 || a.right > box.right + 1) wrong.push('leaves its card: ' + t.textContent);
        texts.slice(i + 1).forEach(([u, b]) => {
          const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (width > 0 && height > 4) wrong.push(t.textContent + ' covers ' + u.textContent);
        });
      });
      return wrong;
    })()"""
    with Browser(program) as browser:
        browser.open(page)
        assert browser.evaluate(script) == []
        for dark in (False, True):
            browser.dark(dark)
            ground = "getComputedStyle(document.querySelector('.paper')).fill"
            assert browser.evaluate(ground) == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
        assert browser.complaints == []
