"""Schedules: start runs on time and by hand, without overlap, and catch up on missed ones.

Each run is a task. A schedule's slot is a lease: only the task in it may work. It is taken by one conditional write,
and free again when that task is final; the sweeper ends tasks that make no progress.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.maintenance.model import SCHEDULES, Options, Schedule, ScheduleStatus, schedule_named
from chalicelib.ports import Metrics, ScheduleStore, TaskStore
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.model import CONTINUES, LATE, RESUMES, Failure, Report, Status, Subject, Task
from chalicelib.telemetry import NULL_METRICS, log

_MISSED_AFTER = timedelta(minutes=15)
"""EventBridge gives no exact time; a run that has not begun this long after its time counts as missed."""
_CONTINUED_PERIODS = 2
"""A run that is older than so many periods of its schedule is begun anew: what it has surveyed is out of date."""

_LATE_REASON = (
    "Its time passed without a run: it was not called, or the state store did not answer. Nothing was done then."
)


class StillRunning(Conflict):
    """The last run of this schedule has not ended yet."""

    code = "still_running"


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """Schedule with its state, last run and next run."""

    schedule: Schedule
    status: ScheduleStatus
    last: Task | None
    """Newest run; None if there is none or its row was deleted."""
    next_run: datetime | None
    """None while the schedule is disabled, or if it runs only by hand."""


@dataclass(frozen=True)
class Schedules:
    """Starts runs of schedules, on time and by hand."""

    store: ScheduleStore
    tasks: TaskStore
    jobs: JobEnqueuer
    shift: timedelta = timedelta(0)
    """Offset added to all schedules."""
    by_hand: frozenset[str] = frozenset()
    """Schedules that run only by hand: their events start nothing, and no run of theirs counts as missed."""
    night: timedelta = timedelta(hours=6)
    """Time from the start of a period in which a run that its time limit has ended is continued at once."""
    metrics: Metrics = NULL_METRICS

    def all(self) -> tuple[ScheduleReport, ...]:
        """Return every schedule, in the order of SCHEDULES."""
        return tuple(self._report(one) for one in SCHEDULES.values())

    def get(self, name: str) -> ScheduleReport:
        """Return one schedule by its name or short name.

        Raises: ScheduleNotFound.
        """
        return self._report(schedule_named(name))

    def enable(self, name: str, *, on: bool) -> ScheduleReport:
        """Enable or disable a schedule; manual runs are always possible.

        Raises: ScheduleNotFound.
        """
        schedule = schedule_named(name)
        slot = self.store.get(schedule.name)
        if slot.enabled is not on:
            try:
                # Periods in which it was disabled do not count as missed.
                self.store.replace(slot, replace(slot, enabled=on, since=self.jobs.clock.now()))
            except Conflict:
                return self.enable(name, on=on)
        return self._report(schedule)

    def run(self, name: str, options: Options | None = None) -> Task:
        """Start a manual run and return its task.

        Raises:
            ScheduleNotFound: there is no schedule of this name.
            BadRequest: the job does not take one of the options; it must never be ignored, a dry run least of all.
            StillRunning: the last run has not ended (detail `task_id`).
            Unavailable: a store or the queue does not answer.
        """
        schedule, args = schedule_named(name), (options or Options()).args()
        if strange := sorted(args.keys() - schedule.options):
            raise BadRequest("schedule.parameter", parameter=strange[0])
        request = self._request(schedule, args)
        return self._start(request, self.store.get(schedule.name), {})

    def run_again(self, run: Task) -> Task:
        """Start a manual run with the options of this one; return the active run if there is one.

        Raises: Unavailable.
        """
        try:
            return self.run(run.args["schedule"], Options.of(run))
        except StillRunning as held:
            return self.tasks.get(str(held.details["task_id"]))

    def start(self, name: str, at: datetime) -> Task | None:
        """Start the run of the period that contains `at`, and return its task; a repeated call returns the same one.

        Return None if the schedule runs only by hand, is disabled, or its last run has not ended; the last two are
        logged.
        """
        schedule = schedule_named(name).shifted(self.shift)
        if schedule.name in self.by_hand:
            return None
        slot, period = self.store.get(schedule.name), schedule.period(at)
        if not slot.enabled:
            log.info("schedule skipped", extra={"schedule": name, "reason": "disabled"})
            return None
        if slot.last_period is not None and slot.last_period >= period:
            return self._send_again(schedule, period)
        return self._start_period(schedule, slot, period)

    def catch_up(self) -> tuple[Task, ...]:
        """Start missed runs, and continue interrupted runs that have no successor yet; return the new tasks.

        A repeated call starts nothing.
        """
        now = self.jobs.clock.now()
        timed = [one.shifted(self.shift) for one in SCHEDULES.values() if one.name not in self.by_hand]
        return tuple(task for one in timed if (task := self._catch_up(one, now) or self.go_on(one.name)))

    def go_on(self, name: str) -> Task | None:
        """Continue the schedule's last run at once if its time limit has ended it; return the task that does so.

        Return None if there is nothing to continue, if the schedule is disabled, or if too much time has passed since
        the period began: then the next period's run continues it. Repeated and concurrent calls start one task.

        Raises: Unavailable.
        """
        schedule = schedule_named(name)
        slot = self.store.get(schedule.name)
        last = self._last_run(slot) if slot.enabled else None
        if last is None or not self._goes_on(schedule, last):
            return None
        request = _continued(self._request(schedule, {"period": last.args["period"]}), last)
        # Of those who start a successor the slot takes one, and all name it by the same id.
        with suppress(StillRunning):
            return self._start(request, slot, {}, task_id=schedule.successor_id(last.task_id))
        return None

    def _start_period(
        self, schedule: Schedule, slot: ScheduleStatus, period: datetime, *, late: Mapping[str, str] | None = None
    ) -> Task | None:
        last = self._last_run(slot)
        given = {**_resume_args(last), "period": period.isoformat(), **(late or {})}
        request = self._request(schedule, given)
        if last is not None and self._is_unfinished(schedule, last):
            request = _continued(request, last)
        try:
            return self._start(request, slot, {"last_period": period}, task_id=schedule.task_id(period))
        except StillRunning as held:
            if CONTINUES in self.tasks.get(str(held.details["task_id"])).args:
                log.info("schedule skipped", extra={"schedule": schedule.name, "reason": "continued"})
                return None
            self.metrics.count("SchedulesSkipped", schedule=schedule.name)
            log.warning(
                "schedule skipped",
                extra={"alarm": "schedule_overlap", "schedule": schedule.name, "reason": held.code, **held.details},
            )
            return None

    def _start(
        self, request: JobRequest, slot: ScheduleStatus, taken: Mapping[str, datetime], *, task_id: str | None = None
    ) -> Task:
        """Store the task, take the slot, then send the message; a crash in between leaves nothing that runs."""
        self._check_free(slot)
        return self.jobs.announce(self._take_slot(self.jobs.add(request, task_id=task_id), slot, taken))

    def _take_slot(self, task: Task, slot: ScheduleStatus, taken: Mapping[str, datetime]) -> Task:
        now = self.jobs.clock.now()
        taken_slot = replace(slot, last_task_id=task.task_id, last_started_at=now, since=slot.since or now, **taken)  # type: ignore[arg-type]  # only last_period
        try:
            self.store.replace(slot, taken_slot)
        except Conflict as conflict:
            latest = self.store.get(slot.name)
            if latest.last_task_id == slot.last_task_id:
                # No run took the slot: the schedule was switched, or checked for the first time, meanwhile.
                return self._take_slot(task, latest, taken)
            return self._resolve_conflict(task, latest, conflict)
        return task

    def _resolve_conflict(self, task: Task, slot: ScheduleStatus, conflict: Conflict) -> Task:
        """Return the task if a repeated event has put it in the slot; otherwise end it, as another run is there."""
        if slot.last_task_id == task.task_id:
            return task
        if not task.is_final:
            self.jobs.fail(task, Failure("still_running", "Another run of this schedule started first."))
        raise StillRunning(task_id=slot.last_task_id) from conflict

    def _check_free(self, slot: ScheduleStatus) -> None:
        last = self._last_run(slot)
        if last is not None and not last.is_final:
            raise StillRunning(task_id=last.task_id)

    def _send_again(self, schedule: Schedule, period: datetime) -> Task | None:
        with suppress(TaskNotFound):
            # The process that took the slot may have died before it sent the message.
            return self.jobs.announce(self.tasks.get(schedule.task_id(period)))
        return None

    def _catch_up(self, schedule: Schedule, now: datetime) -> Task | None:
        slot, period = self.store.get(schedule.name), schedule.period(now)
        if slot.since is None:
            # After a concurrent change of the slot the next call will set it.
            with suppress(Conflict):
                self.store.replace(slot, replace(slot, since=now))
            return None
        if now < period + _MISSED_AFTER or not slot.missed(period):
            return None
        self.metrics.count("SchedulesMissed", schedule=schedule.name)
        log.error("schedule missed", extra={"alarm": "schedule_missed", "schedule": schedule.name})
        return self._start_period(schedule, slot, period, late={LATE: _LATE_REASON})

    def _request(self, schedule: Schedule, args: Mapping[str, str]) -> JobRequest:
        return JobRequest(schedule.type, Subject(args.get("collection")), {**args, "schedule": schedule.name})

    def _goes_on(self, schedule: Schedule, last: Task) -> bool:
        period = last.args.get("period")
        is_night = period is not None and self.jobs.clock.now() < datetime.fromisoformat(period) + self.night
        return is_night and last.status is Status.PARTIAL and self._is_unfinished(schedule, last)

    def _is_unfinished(self, schedule: Schedule, last: Task) -> bool:
        """Return True if the time limit, a lost worker or an outage has ended this run, so that the next continues it.

        A run that has not moved since it took over another one is not continued: what it meets there may be the cause.
        Nor is an old one, nor a manual run with options, nor one that stopped because it must not remove more.
        """
        position = last.args.get("position")
        is_cut_off = last.status is Status.PARTIAL and last.error is None
        error = last.error if last.status is Status.FAILURE else None
        is_lost = error is not None and (error.retryable or error.code == "time_limit")
        is_recent = last.created_at >= self.jobs.clock.now() - _CONTINUED_PERIODS * schedule.every
        has_moved = position is not None and position != last.args.get(CONTINUES)
        return (is_cut_off or is_lost) and is_recent and has_moved and not schedule.options & last.args.keys()

    def _report(self, schedule: Schedule) -> ScheduleReport:
        slot, shifted = self.store.get(schedule.name), schedule.shifted(self.shift)
        is_timed = slot.enabled and schedule.name not in self.by_hand
        following = shifted.next_run(self.jobs.clock.now()) if is_timed else None
        return ScheduleReport(shifted, slot, self._last_run(slot), following)

    def _last_run(self, slot: ScheduleStatus) -> Task | None:
        try:
            return self.tasks.get(slot.last_task_id) if slot.last_task_id else None
        except TaskNotFound:
            return None


def _resume_args(last: Task | None) -> Mapping[str, str]:
    """Return the arguments with which the next run begins where the last one was to begin, or has said to go on."""
    if last is None:
        return {}
    if last.status is Status.PARTIAL:
        # It did not complete its part: the next run begins at the same position.
        return {name: last.args[name] for name in RESUMES if name in last.args}
    return cast("Mapping[str, str]", (last.result or {}).get("resume", {}))


def _continued(request: JobRequest, last: Task) -> JobRequest:
    """Return the request with the last run's position, and with its report: the budget of both is one."""
    here, began = last.args["position"], {name: last.args[name] for name in RESUMES if name in last.args}
    return replace(
        request,
        args={**request.args, **began, "position": here, CONTINUES: here},
        report=Report.of(last.result).result(),
    )
