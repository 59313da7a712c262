"""Examples for the documentation; a test holds them against the schemas."""

from typing import Any

from orchestrator.api.problems import TITLES, Problem

JOB_ID = "019a9f4e-6d2c-7c3a-9b1e-5f0d8a7c2e41"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def relevancy_example() -> dict[str, Any]:
    """An answer with scores."""
    best = {
        "image_id": "front-1",
        "url": f"/images/enhanced/{SHA256}/3c9a2f41d07be865.jpg",
        "enhanced": True,
        "alt_text": "Barber trimming a customer's beard in a bright shop",
        "width": 1280,
        "height": 720,
        "score": 0.87,
        "basis": "scores",
        "image_class": "interior",
        "quality": 0.74,
    }
    second = {
        **best,
        "image_id": "menu-2",
        "url": "https://cdn.example.com/shop-17/menu-2.jpg",
        "enhanced": False,
        "alt_text": None,
        "width": 800,
        "height": 600,
        "score": None,
        "basis": "rule_set",
        "quality": 0.51,
    }
    return {
        "business_id": "shop-17",
        "category_id": "204",
        "basis": "scores",
        "static": best,
        "dynamic": [best, second],
        "carousel": [best, second],
        "degraded": [],
    }


def job_request_example() -> dict[str, Any]:
    """A picture for both roads."""
    return {
        "to": ["enhance", "relevance"],
        "business_id": "shop-17",
        "image_id": "front-1",
        "image_url": "https://uploads.example.com/shop-17/front-1.jpg",
        "served_urls": ["https://cdn.example.com/shop-17/front-1.jpg"],
    }


def accepted_example() -> dict[str, Any]:
    """The answer to it."""
    return {
        "job_id": JOB_ID,
        "submitted_at": 1763683200000,
        "queues": {"enhance": "image_enhance_process", "relevance": "image_relevance_process"},
    }


def job_report_example() -> dict[str, Any]:
    """A job that is on its way."""
    end = {
        "queue": "image_enhance_process",
        "outcome": "done",
        "attempts": 1,
        "replays": 0,
        "received_at": 1763683200150,
        "took_ms": 412.5,
        "reason": None,
    }
    return {
        "job_id": JOB_ID,
        "state": "in_progress",
        "business_id": "shop-17",
        "image_id": "front-1",
        "ends": [end],
        "awaiting": ["image_enhance_update"],
        "dead_letters": [],
    }


_DETAILS = {
    "no_key": "No API key was sent; send one as 'Authorization: Bearer …' or 'X-API-Key: …'.",
    "wrong_scope": "The key 'shop' lacks the scope 'publish'; ask the operator for a key that has it.",
    "not_found": "There is no picture under this key; URLs of pictures come from /v1/relevancy.",
    "unknown_business": "Nothing is known of the business 'shop-71': no catalogue entry, and no picture that was ever"
    " processed. Check the id, load the catalogue, or publish its pictures with POST /v1/jobs.",
    "body_too_large": "At most 65536 bytes are taken.",
    "not_json": "Send the body as JSON, with 'Content-Type: application/json'.",
    "range_not_satisfiable": "The picture has 48213 bytes.",
    "too_many_requests": "The key 'shop' may make 6000 requests in 60 s; wait 12 s.",
    "internal_error": "This is not your mistake. The log of the server names the cause under this request's id.",
    "unavailable": "the catalogue is not available at the moment; try again in 1 s.",
    "unconfirmed": "The broker did not confirm in time that it has the job, so it may or may not be there. Send the"
    f' same body again with "job_id": "{JOB_ID}"; a job done twice is a job done once.',
}


def problem_example(code: str) -> dict[str, Any]:
    """A problem of this kind."""
    if code == "invalid":
        message = "must start with one of http://, https://, s3://"
        errors = [{"field": "image_url", "message": message}]
        return Problem("invalid", f"image_url: {message}", errors=errors).document()
    return Problem(code, _DETAILS.get(code, TITLES[code][1] + ".")).document()


def readiness_example(ready: bool) -> dict[str, Any]:
    """An answer of /readyz."""
    return {"ready": ready, "checks": {"documents": ready, "objects": True, "sql": True}}
