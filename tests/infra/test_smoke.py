"""What the smoke test does where something is broken, against an API that follows a script."""

from __future__ import annotations

import httpx
import pytest

from infra.smoke import Broken, SmokeTest


def test_what_is_at_work_has_ended_before_the_deletion_is_asked_for() -> None:
    asked: list[str] = []
    states = iter(["STARTED", "REVOKED"])

    def api(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path != "/task/status/one":
            return httpx.Response(404, json={})
        status = next(states)
        return httpx.Response(200, json={"status": status, "ready": status == "REVOKED", "type": "process_image"})

    with httpx.Client(base_url="http://wallify.test", transport=httpx.MockTransport(api)) as client:
        SmokeTest(client, httpx.get, collection="smoke-1", unfinished={"one"}).clean()

    assert asked == [
        "POST /task/cancel/one",
        "GET /task/status/one",
        "GET /task/status/one",
        "DELETE /collections/smoke-1",
        "GET /collections/smoke-1",
    ]


def test_a_task_is_asked_for_as_rarely_as_the_answer_says(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("infra.smoke.time.sleep", slept.append)
    ready = iter([False, False, True])

    def api(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/task/status/one":
            return httpx.Response(404, json={})
        task = {"status": "REVOKED", "ready": next(ready), "type": "process_image"}
        return httpx.Response(200, json=task, headers={"Retry-After": "3"})

    with httpx.Client(base_url="http://wallify.test", transport=httpx.MockTransport(api)) as client:
        SmokeTest(client, httpx.get, collection="smoke-1", unfinished={"one"}).clean()

    assert slept == [3.0, 3.0]


@pytest.mark.parametrize(("link", "asks"), [("/cdn/a/b.png", "api"), ("https://edge.example/cdn/a/b.png", "cdn")])
def test_a_redirect_is_asked_for_where_the_record_leads(link: str, asks: str) -> None:
    asked: list[str] = []

    def answer(who: str, address: str) -> httpx.Response:
        asked.append(f"{who} {address}")
        return httpx.Response(302, headers={"Location": "/"})

    transport = httpx.MockTransport(lambda request: answer("api", str(request.url)))
    with httpx.Client(base_url="http://wallify.test", transport=transport) as client:
        smoke = SmokeTest(
            client, lambda address: answer("cdn", address), image={"thumbnails": [], "links": {"cdn": link}}
        )
        smoke.thumbnails()

    whole = link if "://" in link else f"http://wallify.test{link}"
    assert asked == [f"{asks} {whole}?width=300"]


def test_an_edge_that_does_not_know_the_api_is_told() -> None:
    image = {"thumbnails": [], "links": {"cdn": "https://edge.example/cdn/a/b.png"}}
    smoke = SmokeTest(httpx.Client(), lambda _: httpx.Response(404), image=image)

    with pytest.raises(Broken, match="answered 404 and not a redirect"):
        smoke.thumbnails()
