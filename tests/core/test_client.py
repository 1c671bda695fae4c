"""Promises of gateway/core/client.py."""

import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.client import (
    _ORDINARY,
    Proxies,
    address,
    address_block,
    bot,
    forwarded_host,
    forwarded_proto,
    is_plain,
    public,
)

PROXIES = Proxies.parse(["10.0.0.0/8", "fd00::/8", "203.0.113.7"])
EDGE = "10.0.0.1"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        # who is believed
        (EDGE, ["81.2.69.142"], "81.2.69.142"),
        ("9.9.9.9", ["81.2.69.142"], "9.9.9.9"),
        ("9.9.9.9", [], "9.9.9.9"),
        (EDGE, [], EDGE),
        (None, ["81.2.69.142"], None),
        ("unix", ["81.2.69.142"], None),
        # the walk from the right
        (EDGE, ["9.9.9.9, 81.2.69.142"], "81.2.69.142"),
        (EDGE, ["81.2.69.142, 10.0.0.9"], "81.2.69.142"),
        (EDGE, ["10.0.0.7, 8.8.8.8"], "8.8.8.8"),
        (EDGE, ["81.2.69.142, 10.0.0.2, 203.0.113.7, fd00::9"], "81.2.69.142"),
        (EDGE, ["81.2.69.142, 203.0.113.8"], "203.0.113.8"),
        (EDGE, ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (EDGE, ["192.168.1.20, 10.0.0.2"], "192.168.1.20"),
        # several header lines are one list, in order
        (EDGE, ["9.9.9.9", "81.2.69.142"], "81.2.69.142"),
        (EDGE, ["81.2.69.142", "10.0.0.2"], "81.2.69.142"),
        (EDGE, ["9.9.9.9, 81.2.69.142", "10.0.0.3, 10.0.0.2"], "81.2.69.142"),
        # spellings
        (EDGE, ["81.2.69.142:4711"], "81.2.69.142"),
        (EDGE, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (EDGE, ["[2001:DB8:0:0::1]"], "2001:db8::1"),
        (EDGE, ["2001:DB8::1"], "2001:db8::1"),
        (EDGE, ["::ffff:81.2.69.142"], "81.2.69.142"),
        (EDGE, ["[::ffff:81.2.69.142]:80"], "81.2.69.142"),
        ("::ffff:10.0.0.1", ["81.2.69.142"], "81.2.69.142"),
        (EDGE, ["fe80::1%eth0"], "fe80::1"),
        (EDGE, ["\t81.2.69.142 , "], "81.2.69.142"),
        (EDGE, [" , ,"], EDGE),
        # garbage ends the walk at whoever wrote it
        (EDGE, ["unknown"], EDGE),
        (EDGE, ["81.2.69.142, junk, 10.0.0.2"], "10.0.0.2"),
        (EDGE, ["81.2.69.142, 10.0.0.2:99999"], EDGE),
        (EDGE, ["81.2.69.142, [10.0.0.2]"], EDGE),
        (EDGE, ["81.2.69.142, [fd00::1]x"], EDGE),
        (EDGE, ["081.2.69.142"], EDGE),
        (EDGE, ['for="81.2.69.142"'], EDGE),
        (EDGE, ["81.2.69.142\udcff"], EDGE),
    ],
)
def test_the_first_untrusted_address_from_the_right_is_the_visitor(
    peer: str | None, lines: list[str], expected: str | None
) -> None:
    assert address(peer, lines, PROXIES) == expected


@given(st.lists(st.text(alphabet="0123456789abcdef.:[]%, xé", max_size=60), max_size=4))
def test_nobody_but_a_trusted_proxy_is_believed_whatever_is_said(lines: list[str]) -> None:
    assert address("9.9.9.9", lines, PROXIES) == "9.9.9.9"


@given(st.lists(st.text(alphabet="0123456789abcdef.:[]%, xé", max_size=60), max_size=4))
def test_what_comes_back_is_always_a_canonical_address(lines: list[str]) -> None:
    found = address(EDGE, lines, PROXIES)

    assert found is not None
    assert str(ipaddress.ip_address(found)) == found


@given(st.ip_addresses(), st.lists(st.ip_addresses(v=4, network="10.0.0.0/8"), max_size=5), st.text(max_size=20))
def test_what_stands_left_of_the_visitor_changes_nothing(
    visitor: ipaddress.IPv4Address | ipaddress.IPv6Address, hops: list[ipaddress.IPv4Address], lie: str
) -> None:
    assume(not PROXIES.trusts(str(visitor)))
    line = ", ".join(str(each) for each in (visitor, *hops))

    assert address(EDGE, [lie, line], PROXIES) == address(EDGE, [line], PROXIES)


def test_a_proxy_that_is_no_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"proxy\.internal"):
        Proxies.parse(["proxy.internal"])


def test_no_proxies_means_nobody_is_trusted() -> None:
    assert address("127.0.0.1", ["81.2.69.142"], Proxies()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ("81.2.69.142", "81.2.69.142"),
        ("2001:4860:4860::8888", "2001:4860:4860::8888"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("127.0.0.1", None),
        ("10.0.0.1", None),
        ("192.168.1.5", None),
        ("100.64.0.1", None),
        ("0.0.0.0", None),
        ("169.254.1.1", None),
        ("224.0.0.1", None),
        ("255.255.255.255", None),
        ("2001:db8::1", None),
        ("fe80::1", None),
        ("fd00::1", None),
        ("::1", None),
        ("::ffff:10.0.0.1", None),
        ("unknown", None),
        (None, None),
    ],
)
def test_platforms_are_told_addresses_of_the_internet_only(found: str | None, told: str | None) -> None:
    assert public(found) == told


@pytest.mark.parametrize(
    ("sender", "block"),
    [
        ("81.2.69.142", "81.2.69.142"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:81.2.69.142", "81.2.69.142"),
    ],
)
def test_limits_count_an_ipv6_network_as_one(sender: str, block: str) -> None:
    assert address_block(sender) == block


@pytest.mark.parametrize(
    ("peer", "values", "host"),
    [
        (EDGE, ["T.Shop.Example:443"], "t.shop.example"),
        (EDGE, ["evil.example, t.shop.example"], None),
        (EDGE, ["evil.example", "t.shop.example"], None),
        (EDGE, [], None),
        (EDGE, [" "], None),
        (EDGE, ["a/b"], None),
        ("9.9.9.9", ["t.shop.example"], None),
        (None, ["t.shop.example"], None),
    ],
)
def test_a_forwarded_host_is_one_value_from_a_trusted_proxy(
    peer: str | None, values: list[str], host: str | None
) -> None:
    assert forwarded_host(peer, values, PROXIES) == host


@pytest.mark.parametrize(
    ("peer", "values", "proto"),
    [
        (EDGE, ["https"], "https"),
        (EDGE, [" HTTP "], "http"),
        (EDGE, ["https, http"], None),
        (EDGE, ["wss"], None),
        ("9.9.9.9", ["https"], None),
    ],
)
def test_a_forwarded_proto_is_one_value_from_a_trusted_proxy(peer: str, values: list[str], proto: str | None) -> None:
    assert forwarded_proto(peer, values, PROXIES) == proto


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.10.1",
        "python-requests/2.32",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    ],
)
def test_a_crawler_is_called_one(agent: str) -> None:
    assert bot(agent) == "crawler"


@pytest.mark.parametrize("agent", [None, "", "  "])
def test_an_agent_that_says_nothing_is_no_person(agent: str | None) -> None:
    assert bot(agent) == "no_agent"


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/26.1 Mobile/15E148 Safari/604.1"
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG 9) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Mobile Safari/537.36"
        ),
    ],
)
def test_a_browser_is_a_person(agent: str) -> None:
    assert bot(agent) is None


def test_an_endless_agent_is_cut_before_it_costs_time() -> None:
    assert bot(CHROME + " " * 2000 + "Googlebot") is None


def test_ordinary_first_octets_hold_no_special_address() -> None:
    for first in range(256):
        if str(first) not in _ORDINARY:
            continue
        inside = [int(ipaddress.ip_address(f"{first}.0.0.0")) + place for place in range(0, 2**24, 4096)]

        assert all(ipaddress.ip_address(each).is_global for each in inside), first
        assert not any(ipaddress.ip_address(each).is_multicast for each in inside), first


@given(
    st.lists(st.integers(0, 260).map(str) | st.sampled_from(["", "00", "01", " 1", "1 ", "+1", "٨", "1\n"]), max_size=6)
)
def test_an_address_is_read_as_the_standard_library_reads_it(parts: list[str]) -> None:
    text = ".".join(parts)
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        found = None
    told = str(found) if found is not None and found.is_global and not found.is_multicast else None

    assert public(text) == told
    assert address(EDGE, [text], PROXIES) == (EDGE if found is None else str(found))


@given(st.from_regex(r"[0-9.: a%]{0,16}", fullmatch=True) | st.ip_addresses().map(str))
def test_a_plain_address_is_spelled_as_it_was_read(text: str) -> None:
    assume(is_plain(text))

    assert address(text, (), PROXIES) == text
    assert address(EDGE, [text], PROXIES) == text


@given(st.ip_addresses(v=4).map(str))
def test_every_address_of_four_octets_is_plain(text: str) -> None:
    assert is_plain(text)
