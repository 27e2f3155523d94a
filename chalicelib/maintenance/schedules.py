"""The timetable at work: each run is a task, runs of one schedule never overlap, and missed ones are caught up.

The schedule's slot is the lease: whose task is in it may work. It is taken by one conditional write, and free again as
soon as that task is final; the sweeper sees to it that no task stays unfinished for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from chalicelib.errors import BadRequest, Conflict, TaskNotFound
from chalicelib.maintenance.model import SCHEDULES, Options, Schedule, ScheduleStatus, schedule_named
from chalicelib.metrics import NULL_METRICS
from chalicelib.ports import Metrics, ScheduleStore, TaskStore
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.model import LATE, RESUMES, Failure, Status, Subject, Task
from chalicelib.telemetry import log

_LATE = timedelta(minutes=15)
"""EventBridge promises no moment; a run that has not begun by then is missed."""

_WHY_LATE = (
    "Its time passed without a run: it was not called, or the state store did not answer. Nothing was done then."
)


class StillRunning(Conflict):
    """The last run of this schedule has not ended yet."""

    code = "still_running"


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """A schedule with what it has done last and does next."""

    schedule: Schedule
    status: ScheduleStatus
    last: Task | None
    """The newest run, as long as the history remembers it."""
    next_run: datetime | None
    """None while it is disabled."""


@dataclass(frozen=True)
class Schedules:
    """Starts runs, by the clock and by hand."""

    store: ScheduleStore
    tasks: TaskStore
    jobs: JobEnqueuer
    shift: timedelta = timedelta(0)
    """Moves the whole timetable."""
    metrics: Metrics = NULL_METRICS

    def all(self) -> tuple[ScheduleReport, ...]:
        """Every schedule, in the timetable's order."""
        return tuple(self._outlook(one) for one in SCHEDULES.values())

    def get(self, name: str) -> ScheduleReport:
        """One schedule by its name or short name; ScheduleNotFound."""
        return self._outlook(schedule_named(name))

    def enable(self, name: str, *, on: bool) -> ScheduleReport:
        """Let a schedule run by the clock, or not; runs by hand are always possible. ScheduleNotFound."""
        schedule = schedule_named(name)
        slot = self.store.get(schedule.name)
        if slot.enabled is not on:
            try:
                # Periods in which it was disabled are not missed.
                self.store.replace(slot, replace(slot, enabled=on, since=self.jobs.clock.now()))
            except Conflict:
                return self.enable(name, on=on)
        return self._outlook(schedule)

    def run(self, name: str, options: Options | None = None) -> Task:
        """Start a run by hand: its task. ScheduleNotFound, StillRunning (detail `task_id`), Unavailable.

        BadRequest for an option that the job has no use for: who asks for a dry run must never get a real one.
        """
        schedule, args = schedule_named(name), (options or Options()).args()
        if strange := sorted(args.keys() - schedule.options):
            raise BadRequest("schedule.parameter", parameter=strange[0])
        asked = self._asked(schedule, args)
        return self._start(asked, self.store.get(schedule.name), {})

    def run_again(self, run: Task) -> Task:
        """A run by hand with the options of this one; the run that is under way, if there is one. Unavailable."""
        try:
            return self.run(run.args["schedule"], Options.of(run))
        except StillRunning as held:
            return self.tasks.get(str(held.details["task_id"]))

    def start(self, name: str, at: datetime) -> Task | None:
        """Start the run of the period that `at` is in, once, however often it is asked for; its task.

        None if it is not to run: disabled, or the last run has not ended, which is told to the log.
        """
        schedule = schedule_named(name).shifted(self.shift)
        slot, period = self.store.get(schedule.name), schedule.period(at)
        if not slot.enabled:
            log.info("schedule skipped", extra={"schedule": name, "reason": "disabled"})
            return None
        if slot.last_period is not None and slot.last_period >= period:
            return self._repeated(schedule, period)
        return self._start_period(schedule, slot, period)

    def catch_up(self) -> tuple[Task, ...]:
        """Start what should have begun a while ago and has not; asking often is harmless."""
        now = self.jobs.clock.now()
        return tuple(task for one in SCHEDULES.values() if (task := self._catch_up(one.shifted(self.shift), now)))

    def _start_period(
        self, schedule: Schedule, slot: ScheduleStatus, period: datetime, *, late: Mapping[str, str] | None = None
    ) -> Task | None:
        asked = self._asked(schedule, {**self._resumed(slot), "period": period.isoformat(), **(late or {})})
        try:
            return self._start(asked, slot, {"last_period": period}, task_id=schedule.task_id(period))
        except StillRunning as held:
            self.metrics.count("SchedulesSkipped", schedule=schedule.name)
            log.warning(
                "schedule skipped",
                extra={"alarm": "schedule_overlap", "schedule": schedule.name, "reason": held.code, **held.details},
            )
            return None

    def _start(
        self, asked: JobRequest, slot: ScheduleStatus, taken: Mapping[str, datetime], *, task_id: str | None = None
    ) -> Task:
        """First the row, then the slot, then the message: whoever dies in between leaves nothing that runs."""
        self._must_be_free(slot)
        return self.jobs.announce(self._take(self.jobs.add(asked, task_id=task_id), slot, taken))

    def _take(self, task: Task, slot: ScheduleStatus, taken: Mapping[str, datetime]) -> Task:
        now = self.jobs.clock.now()
        mine = replace(slot, last_task_id=task.task_id, last_started_at=now, since=slot.since or now, **taken)  # type: ignore[arg-type]  # only last_period
        try:
            self.store.replace(slot, mine)
        except Conflict as faster:
            latest = self.store.get(slot.name)
            if latest.last_task_id == slot.last_task_id:
                # Nobody runs: the schedule was switched, or looked after for the first time, at this very moment.
                return self._take(task, latest, taken)
            return self._beaten(task, latest, faster)
        return task

    def _beaten(self, task: Task, slot: ScheduleStatus, faster: Conflict) -> Task:
        """Somebody took the slot first: with this very task (a repeated event), or with another run."""
        if slot.last_task_id == task.task_id:
            return task
        self.jobs.fail(task, Failure("still_running", "Another run of this schedule was faster."))
        raise StillRunning(task_id=slot.last_task_id) from faster

    def _must_be_free(self, slot: ScheduleStatus) -> None:
        last = self._last(slot)
        if last is not None and not last.is_final:
            raise StillRunning(task_id=last.task_id)

    def _repeated(self, schedule: Schedule, period: datetime) -> Task | None:
        with suppress(TaskNotFound):
            # Whoever took the slot may have died before it sent the message.
            return self.jobs.announce(self.tasks.get(schedule.task_id(period)))
        return None

    def _catch_up(self, schedule: Schedule, now: datetime) -> Task | None:
        slot, period = self.store.get(schedule.name), schedule.period(now)
        if slot.since is None:
            # Somebody else changes the slot at this moment: the next look comes.
            with suppress(Conflict):
                self.store.replace(slot, replace(slot, since=now))
            return None
        if now < period + _LATE or not slot.missed(period):
            return None
        self.metrics.count("SchedulesMissed", schedule=schedule.name)
        log.error("schedule missed", extra={"alarm": "schedule_missed", "schedule": schedule.name})
        return self._start_period(schedule, slot, period, late={LATE: _WHY_LATE})

    def _asked(self, schedule: Schedule, args: Mapping[str, str]) -> JobRequest:
        return JobRequest(schedule.type, Subject(args.get("collection")), {**args, "schedule": schedule.name})

    def _resumed(self, slot: ScheduleStatus) -> Mapping[str, str]:
        """Where the last run stopped, as arguments for the next one."""
        last = self._last(slot)
        if last is None:
            return {}
        if last.status is Status.PARTIAL:
            # It did not get through its stretch: the next run begins where it began.
            return {name: last.args[name] for name in RESUMES if name in last.args}
        return cast("Mapping[str, str]", (last.result or {}).get("resume", {}))

    def _outlook(self, schedule: Schedule) -> ScheduleReport:
        slot, shifted = self.store.get(schedule.name), schedule.shifted(self.shift)
        following = shifted.next_run(self.jobs.clock.now()) if slot.enabled else None
        return ScheduleReport(shifted, slot, self._last(slot), following)

    def _last(self, slot: ScheduleStatus) -> Task | None:
        try:
            return self.tasks.get(slot.last_task_id) if slot.last_task_id else None
        except TaskNotFound:
            return None
