"""What `justlens publish` says at the end: per queue for people, one document for programs."""

from collections.abc import Iterator
from typing import Any

from orchestrator.cli.publish.folders import FolderContent
from orchestrator.cli.publish.sending import Report, Reports
from orchestrator.cli.terminal import print_json, say, tell


def show(reports: Reports, command: str, *, dry_run: bool, as_json: bool, left_out: FolderContent | None) -> None:
    """Refusals and what is not known on stderr, counts on stdout; of a folder also what was left out of it.

    ``command`` is how a command about the same system begins.
    """
    for queue, report in reports.items():
        _complain(queue, report, several=len(reports) > 1)
    if as_json:
        print_json(document(reports, dry_run=dry_run, left_out=left_out))
        return
    for queue, report in reports.items():
        tell(f"{queue}: {', '.join(_counts(report, dry_run, left_out))}")
        if len(report.published) == 1 and not dry_run:
            tell(f"job_id {report.published[0]}")
    idle = [queue for queue, report in reports.items() if report.consumers == 0]
    if idle:
        say(f"Nothing works on {' or '.join(idle)} now: the jobs wait there until `{command} run` is started.")


def _complain(queue: str, report: Report, *, several: bool) -> None:
    where = f" for {queue}" if several else ""
    for refusal in report.refused:
        say(f"refused{where}, {refusal['place']}: {refusal['reason']}")
    for job in report.unknown:
        say(f"unknown{where}, {job['place']}: job_id {job['job_id']}: {job['error']}")
    if report.not_sent:
        say(f"{report.not_sent} not sent{where}, from {report.not_sent_from} on: {report.stopped_by}")
    if report.unknown:
        say(
            "It is not known whether the unknown jobs arrived. Publish these lines as JSONL with"
            f" --to {queue}; twice does no harm:"
        )
        for job in report.unknown:
            say(job["body"])


def _counts(report: Report, dry_run: bool, left_out: FolderContent | None) -> Iterator[str]:
    done = "would be published" if dry_run else "published"
    counts = {
        done: len(report.published),
        "duplicates left out": report.duplicates,
        "other files left out": left_out.other_files if left_out else 0,
        "folders left out": left_out.folders if left_out else 0,
        "refused": len(report.refused),
        "unknown": len(report.unknown),
        "not sent": report.not_sent,
    }
    return (f"{name} {count:,}" for name, count in counts.items() if count or name == done)


def document(reports: Reports, *, dry_run: bool, left_out: FolderContent | None) -> dict[str, Any]:
    """Totals, then the same per queue."""
    queues = [{"queue": queue, **_report(report, dry_run)} for queue, report in reports.items()]
    totals = {name: sum(one[name] for one in queues) for name in ("published", "duplicates", "not_sent")}
    lists = {name: [item for one in queues for item in one[name]] for name in ("job_ids", "refused", "unknown")}
    return {
        "dry_run": dry_run,
        **totals,
        "valid": sum(one["valid"] for one in queues) if dry_run else None,
        "files_left_out": left_out.other_files if left_out else 0,
        "folders_left_out": left_out.folders if left_out else 0,
        **lists,
        "not_sent_from": next((one["not_sent_from"] for one in queues if one["not_sent_from"]), None),
        "stopped_by": next((one["stopped_by"] for one in queues if one["stopped_by"]), None),
        "queues": queues,
    }


def _report(report: Report, dry_run: bool) -> dict[str, Any]:
    return {
        "published": 0 if dry_run else len(report.published),
        "valid": len(report.published) if dry_run else None,
        "job_ids": [] if dry_run else report.published,
        "duplicates": report.duplicates,
        "refused": report.refused,
        "unknown": report.unknown,
        "not_sent": report.not_sent,
        "not_sent_from": report.not_sent_from,
        "stopped_by": report.stopped_by,
        "consumers": report.consumers,
    }
