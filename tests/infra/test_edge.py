"""The function that runs at the edge (infra/edge.js), in Node: it changes nothing but what decides the answer, by the
API's own rules.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import product
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import pytest

from chalicelib.delivery.negotiation import HINT_STEPS, Accept, best, hinted_width
from chalicelib.delivery.on_demand import codec_for, parse_options
from infra.edge import NORMALIZER, behaviour_of, normalised
from infra.rules import RULES, Deployment
from infra.template import FOUNDATION, script
from tests.builders import a_rendition
from tests.fake_edge import ASKED

Json = dict[str, Any]
EDGE = FOUNDATION.with_name("edge.js")
ONE = "22222222-2222-4222-8222-222222222221"
NODE = shutil.which("node")
MOST_BYTES = 10_240
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions"""
RUN = "\nprocess.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(e => handler(e))))"

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI = "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
NORMAL = [
    ("", "image/jpeg,image/png,image/webp;q=0.9,image/avif;q=0.8"),
    ("*/*", "image/jpeg,image/png,image/webp;q=0.9,image/avif;q=0.8"),
    (CHROME, "image/avif,image/webp;q=0.9,image/jpeg;q=0.8,image/png;q=0.8"),
    ("image/avif,image/webp,*/*", "image/avif,image/webp;q=0.9,image/jpeg;q=0.8,image/png;q=0.8"),
    (SAFARI, "image/webp,image/png;q=0.9,image/jpeg;q=0.8,image/avif;q=0.7"),
    ("image/jpeg", "image/jpeg,image/png;q=0.9,image/webp;q=0.8,image/avif;q=0.7"),
]
PARTS = ["image/avif", "image/webp", "image/jpeg", "IMAGE/PNG", "image/*", "*/*", "text/html", "nonsense", ""]
PARAMETERS = ["", "", ";q=0", ";q=0.5", "; q=0.25;x=1", ";level=1", ";q=1.5", ";Q=1.000", " ; q = 0.9 "]
WIDE, SAVER = {"sec-ch-width": "1080"}, {"save-data": "on"}
HINTS: Mapping[str, Sequence[str]] = {
    "sec-ch-width": ["", "1", "540", "541", "3841", "16385", "0", "-1", "1e3", " 800 ", "\u0661"],
    "width": ["", "1080"],
    "sec-ch-viewport-width": ["", "390", "1440", "x"],
    "viewport-width": ["", "800"],
    "sec-ch-dpr": ["", "1", "3", "2.625", "0", "0.5", "99", "10.5", "2.00001"],
    "dpr": ["", "2"],
    "save-data": ["", "on", "ON", "off"],
}


def a_request(uri: str = "/cdn/nature/sea.jpg", query: str = "", headers: Mapping[str, str] | None = None) -> Json:
    """An event as CloudFront hands it to a function, without what this one does not read."""
    asked = {name: {"value": value} for name, value in parse_qsl(query)}
    sent = {name: {"value": value} for name, value in (headers or {}).items()}
    return {"request": {"method": "GET", "uri": uri, "querystring": asked, "headers": sent, "cookies": {}}}


def handled(*events: Json) -> list[Json]:
    """What becomes of the requests, in one process."""
    if NODE is None:
        pytest.skip("needs Node")
    asked = json.dumps(events)
    run = subprocess.run([NODE, "-e", script(EDGE) + RUN], input=asked, capture_output=True, text=True, check=True)
    answers: list[Json] = json.loads(run.stdout)
    return answers


def some_headers(many: int) -> list[str]:
    chance = Random(7)
    lists = (
        [chance.choice(PARTS) + chance.choice(PARAMETERS) for _ in range(chance.randrange(6))] for _ in range(many)
    )
    return [",".join(one) for one in lists]


def test_the_function_fits() -> None:
    assert len(script(EDGE).encode()) < MOST_BYTES / 2
    assert "//" not in script(EDGE)
    assert "//" in EDGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("header", "normal"), NORMAL)
def test_a_browsers_header_becomes_one_of_few(header: str, normal: str) -> None:
    assert Accept.of(header).normal == normal


def test_the_edge_and_the_api_write_a_header_in_the_same_way_however_it_was_spelled() -> None:
    headers = [*(header for header, _ in NORMAL), *some_headers(2_000), "text/html," * 60 + "image/avif"]

    answers = handled(*(a_request(headers={"accept": header}) for header in headers))

    ours = [Accept.of(header).normal for header in headers]
    assert [answer["headers"]["accept"]["value"] for answer in answers] == ours
    assert [Accept.of(normal).normal for normal in ours] == ours
    assert len(set(ours)) <= 75  # ways to put four formats in order, with equals


def test_the_api_chooses_the_same_form_by_the_header_as_by_what_the_edge_makes_of_it() -> None:
    every = [a_rendition(ONE, "full", form) for form in ("jpeg", "png", "webp", "avif")]
    sets = [[form for form, kept in zip(every, bits, strict=True) if kept] for bits in product((0, 1), repeat=4)]
    wish = parse_options("w=9")
    for header in some_headers(400):
        normal = Accept.of(header).normal
        assert codec_for(wish, header) == codec_for(wish, normal), header
        for forms in filter(None, sets):
            assert best(forms, width=None, accept=header) == best(forms, width=None, accept=normal), header


def test_the_edge_and_the_api_read_client_hints_in_the_same_way() -> None:
    asked = [
        {name: value for name, value in zip(HINTS, values, strict=True) if value} for values in product(*HINTS.values())
    ]
    asked = Random(7).sample(asked, 4_000)

    answers = handled(*(a_request(headers=hints) for hints in asked))

    read = [int(answer["querystring"].get("width", {"value": 0})["value"]) or None for answer in answers]
    assert read == [hinted_width(hints) for hints in asked]
    assert {*read} == {None, *HINT_STEPS}


@pytest.mark.parametrize(
    ("event", "query"),
    [
        (a_request(query="utm_source=x&download=true"), {"download": "true"}),
        (a_request(query="download=TRUE", headers=WIDE), {"download": "TRUE"}),
        (a_request(query="download=1", headers=SAVER), {"download": "1"}),
        (a_request(query="download=false", headers=SAVER), {"download": "false", "width": "1080"}),
        (a_request(query="width=271", headers=WIDE), {"width": "271"}),
        (a_request(query="expires=1&signature=s"), {"expires": "1", "signature": "s"}),
        (a_request("/i/1/300", headers=WIDE), {}),
        (a_request("/r/1/phone-1080x2400", headers=SAVER), {}),
        (a_request(headers=SAVER), {"width": "1080"}),
    ],
)
def test_the_query_holds_what_the_api_knows_and_nothing_else(event: Json, query: dict[str, str]) -> None:
    [answer] = handled(event)

    assert {name: one["value"] for name, one in answer["querystring"].items()} == query
    assert answer["uri"] == event["request"]["uri"]


def test_what_proxy_and_tests_take_for_the_edge_is_what_the_function_does() -> None:
    asked = [
        (*one.path.partition("?")[::2], {name.lower(): value for name, value in one.headers.items()}) for one in ASKED
    ]
    through = [one for one in asked if behaviour_of(one[0]).function == NORMALIZER]

    answers = handled(*(a_request(path, query, headers) for path, query, headers in through))

    told = [{name: one["value"] for name, one in answer["querystring"].items()} for answer in answers]
    ours = [normalised(*one) for one in through]
    assert told == [dict(parse_qsl(query)) for query, _ in ours]
    assert [answer["headers"]["accept"]["value"] for answer in answers] == [sent["accept"] for _, sent in ours]


def test_a_header_that_comes_in_lines_is_read_as_one() -> None:
    event = a_request()
    lines = [{"value": "image/avif"}, {"value": "image/webp"}]
    event["request"]["headers"]["accept"] = {"value": "image/webp", "multiValue": lines}

    [answer] = handled(event)

    assert answer["headers"]["accept"]["value"].startswith("image/avif,image/webp;q=0.9")


def without_function(found: Json) -> None:
    del found["Distribution"]["Properties"]["DistributionConfig"]["CacheBehaviors"][3]["Fn::If"][1][
        "FunctionAssociations"
    ]


def over_plain_http(found: Json) -> None:
    origin = found["Distribution"]["Properties"]["DistributionConfig"]["Origins"][2]["Fn::If"][1]
    origin["CustomOriginConfig"]["OriginProtocolPolicy"] = "match-viewer"


def kept_for_an_hour(found: Json) -> None:
    found["Redirects"]["Properties"]["CachePolicyConfig"]["MaxTTL"] = 3600


def kept_at_least_a_minute(found: Json) -> None:
    found["Redirects"]["Properties"]["CachePolicyConfig"]["MinTTL"] = 60


def the_whole_api(found: Json) -> None:
    behaviours = found["Distribution"]["Properties"]["DistributionConfig"]["CacheBehaviors"]
    behaviours.append(deepcopy(behaviours[3]["Fn::If"][1]) | {"PathPattern": "images/*"})


def keyed_by_token(found: Json) -> None:
    key = found["Redirects"]["Properties"]["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    key["HeadersConfig"]["Headers"].append("Authorization")


REDIRECTS, KEYS = "the CDN asks the API for redirects only", "strangers cannot make copies in the cache"
CHANGES: list[tuple[Callable[[Json], None], str]] = [
    (without_function, REDIRECTS),
    (over_plain_http, REDIRECTS),
    (kept_for_an_hour, REDIRECTS),
    (kept_at_least_a_minute, REDIRECTS),
    (the_whole_api, REDIRECTS),
    (keyed_by_token, KEYS),
]


@pytest.mark.parametrize(("change", "rule"), CHANGES)
def test_a_change_of_what_the_edge_asks_for_is_noticed(change: Callable[[Json], None], rule: str) -> None:
    [found] = [one for one in RULES if one.name == rule]
    deployment = Deployment({}, {"Resources": {}})
    assert list(found.check(deployment)) == []

    change(deployment.foundation["Resources"])

    assert list(found.check(deployment))
