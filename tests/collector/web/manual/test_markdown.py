"""What becomes of Markdown: anchors, links, tables, code; and what stays text."""

from collector.web.manual.markdown import anchors, read


def resolve(href: str) -> str | None:
    return f"/ui/manual/{href.removesuffix('.md')}" if href.endswith(".md") else None


def test_headings_have_the_anchors_that_code_hosts_give_them() -> None:
    assert anchors(["A `key`, revoked", "Ack & go", "Ack & go"]) == ["a-key-revoked", "ack--go", "ack--go-1"]


def test_a_page_knows_its_title_its_first_paragraph_and_its_passages() -> None:
    page = read("x", "# Keys of *agents*\n\nFirst\nlines.\n\n## One\n\n- a `b`\n\n```sh\nrun it\n```\n", resolve)
    assert (page.title, page.summary) == ("Keys of agents", "First lines.")
    assert [(one.title, one.anchor, one.text) for one in page.contents] == [("One", "one", "a b\nrun it\n")]


def test_html_in_a_page_stays_text_and_notes_are_left_out() -> None:
    html = read("x", "# T\n\n<!-- made from the code -->\n<script>x</script> <b>y</b>\n", resolve).html
    assert "<script>" not in html
    assert "&lt;b&gt;" in html
    assert "made from" not in html


def test_links_to_pages_are_led_and_links_out_become_text() -> None:
    html = read("x", "[a](tls.md) [b](../packaging/x.conf) [c](https://example.com) [d](#t) [e](javascript:x)", resolve)
    assert '<a href="/ui/manual/tls">a</a> <span>b</span> <span>c</span> <a href="#t">d</a>' in html.html
    assert "href" not in html.html.rpartition("</a>")[2]


def test_code_can_be_copied_and_wide_tables_scroll() -> None:
    html = read("x", '```sh\ncurl "$URL" <x\n```\n\n| a |\n|---|\n| b |\n', resolve).html
    assert "<code>curl &#34;$URL&#34; &lt;x</code></pre><button" in html
    assert '<div class="scroll" tabindex="0" role="group"><table>' in html
