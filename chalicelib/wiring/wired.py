"""Every service, built from the settings and the world outside, each when first asked for."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.outside import Outside

if TYPE_CHECKING:
    from chalicelib.core.keyring import Purpose
    from chalicelib.core.pictures import Limits, Recipe
    from chalicelib.core.tasks import Task
    from chalicelib.services.arrivals import Arrivals
    from chalicelib.services.attempts import Attempts
    from chalicelib.services.browsing import Browsing
    from chalicelib.services.bulk import Bulk
    from chalicelib.services.burials import Burials
    from chalicelib.services.checkpoints import Checkpoint
    from chalicelib.services.collections import Collections
    from chalicelib.services.delivery import Delivery
    from chalicelib.services.drafts import Drafts
    from chalicelib.services.families import Families
    from chalicelib.services.forwarding import Forwarding
    from chalicelib.services.idempotency import Idempotency
    from chalicelib.services.intake import Intake
    from chalicelib.services.letters import Letters
    from chalicelib.services.privacy import Privacy, Signatures
    from chalicelib.services.retries import Retries
    from chalicelib.services.rules import TaskRules
    from chalicelib.services.runner import Job, Runner
    from chalicelib.services.sealing import Seals
    from chalicelib.services.sessions import Sessions
    from chalicelib.services.sweeping import Sweeper
    from chalicelib.services.tasks import Tasks
    from chalicelib.services.tokens import Tokens
    from chalicelib.services.uploads import Uploads
    from chalicelib.wiring.desk import Desk
    from chalicelib.wiring.night import Night


class Wired(Outside):
    """The services of one process."""

    @cached_property
    def rules(self) -> TaskRules:
        """How patient tasks are."""
        from datetime import timedelta

        from chalicelib.services.rules import TaskRules

        given = self.settings
        return TaskRules(
            lease=given.lease,
            max_attempts=given.max_attempts,
            keep=timedelta(days=given.keep_days),
            keep_failed=timedelta(days=given.keep_failed_days),
        )

    @cached_property
    def intake(self) -> Intake:
        """Opening tasks."""
        from chalicelib.services.intake import Intake

        return Intake(self.clock, self.rules)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Finding the task of a repeated request."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.idempotency import Idempotency

        return Idempotency(self.state.tasks, self.clock, new_id)

    @cached_property
    def families(self) -> Families:
        """Ending parents."""
        from chalicelib.services.families import Families

        return Families(self.state.tasks, self.clock, self.rules)

    @cached_property
    def tasks(self) -> Tasks:
        """Looking at tasks and steering them."""
        from chalicelib.services.tasks import Tasks

        return Tasks(self.state.tasks, self.clock, self.rules, self.families)

    @cached_property
    def uploads(self) -> Uploads:
        """Taking files in."""
        from chalicelib.services.uploads import Uploads

        store, limit = self.state, self.settings.max_body_bytes
        return Uploads(store.tasks, store.catalog, self.objects, self.intake, self.idempotency, limit, self.metrics)

    @cached_property
    def bulk(self) -> Bulk:
        """Taking many files in at once."""
        from chalicelib.services.bulk import Bulk

        return Bulk(self.uploads, self.families)

    @cached_property
    def drafts(self) -> Drafts:
        """Uploads straight into the bucket."""
        from chalicelib.services.drafts import Drafts

        limit = self.settings.max_upload_bytes
        return Drafts(self.state.tasks, self.objects, self.intake, self.idempotency, limit, metrics=self.metrics)

    @cached_property
    def retries(self) -> Retries:
        """Trying again."""
        from chalicelib.services.retries import Retries

        return Retries(self.state.tasks, self.objects, self.queues, self.intake, self.families)

    @cached_property
    def burials(self) -> Burials:
        """The dead letters of every queue."""
        from chalicelib.core.jobs import LANES
        from chalicelib.services.burials import Burials

        queues = {name: self.queues[min(kinds)] for name, kinds in LANES.items()}
        tasks, arrivals, families = self.state.tasks, self.arrivals, self.families
        return Burials(queues, tasks, arrivals, families, self.retries, self._rerun, self.clock)

    def _rerun(self, task: Task) -> Task:
        return self.night.schedules.again(task)

    @cached_property
    def letters(self) -> Letters:
        """Making dead letters."""
        from chalicelib.services.letters import Letters

        return Letters(self.queues, self.metrics)

    @cached_property
    def sweeper(self) -> Sweeper:
        """Looking after silent tasks."""
        from chalicelib.services.sweeping import Sweeper

        store, metrics, bury = self.state.tasks, self.metrics, self.letters.bury
        return Sweeper(
            store, self.objects, self.queues, self.families, self.clock, self.rules, metrics=metrics, bury=bury
        )

    @cached_property
    def delivery(self) -> Delivery:
        """Finding images."""
        from chalicelib.services.delivery import Delivery

        return Delivery(self.state.catalog, self.settings.cdn_url, self.forwarding, self.objects)

    @cached_property
    def collections(self) -> Collections:
        """Creating and describing collections."""
        from chalicelib.services.collections import Collections

        return Collections(self.state.catalog)

    @cached_property
    def privacy(self) -> Privacy:
        """Which collections are private."""
        from chalicelib.services.privacy import Privacy

        return Privacy(self.state.catalog, self.objects)

    @cached_property
    def signatures(self) -> Signatures:
        """Addresses of private pictures."""
        from chalicelib.core.keyring import Purpose
        from chalicelib.services.privacy import Signatures

        return Signatures(self._seals(Purpose.LINKS), self.clock, self.tokens.may_read)

    @cached_property
    def cursor_seals(self) -> Seals:
        """Seals of the cursors that clients page with."""
        from chalicelib.core.keyring import Purpose

        return self._seals(Purpose.CURSORS)

    def _seals(self, purpose: Purpose) -> Seals:
        from chalicelib.services.sealing import Seals

        # Tests give a house another secret while it stands.
        return Seals(purpose, self.keyring, lambda: self.bootstrap(), self.clock)  # noqa: PLW0108

    @cached_property
    def browsing(self) -> Browsing:
        """Collections in any order."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.browsing import Browsing

        return Browsing(self.state.catalog, self.clock, new_id)

    @cached_property
    def forwarding(self) -> Forwarding:
        """Finding images by names that they had."""
        from chalicelib.services.forwarding import Forwarding

        return Forwarding(self.objects)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may do what."""
        from chalicelib.services.tokens import Tokens

        return Tokens(self.state.tokens, self.clock, self.bootstrap)

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""
        from chalicelib.core.keyring import Purpose
        from chalicelib.services.sessions import Sessions
        from chalicelib.services.throttling import Throttle

        expiring = self.state.expiring
        return Sessions(self.tokens, self._seals(Purpose.SESSIONS), expiring, Throttle(expiring, self.clock, "sign-in"))

    @cached_property
    def arrivals(self) -> Arrivals:
        """Which task an object belongs to."""
        from chalicelib.services.arrivals import Arrivals

        return Arrivals(self.state.tasks, self.clock, self.rules, self.metrics)

    @cached_property
    def attempts(self) -> Attempts:
        """Moving a task through one attempt."""
        import random

        from chalicelib.services.attempts import Attempts

        return Attempts(self.state.tasks, self.clock, self.rules, random.random, self.letters.bury)

    @cached_property
    def runner(self) -> Runner:
        """Running jobs."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.runner import Runner

        return Runner(self.attempts, self.families, new_id, self.steps)

    @cached_property
    def steps(self) -> Checkpoint:
        """What is done when work comes to a named place."""
        from chalicelib.services.steps import TimedSteps

        return TimedSteps(self.clock, self.metrics)

    @cached_property
    def recipe(self) -> Recipe:
        """How thumbnails are made."""
        from chalicelib.core.pictures import Recipe

        sizes = sorted(map(int, self.settings.rendition_sizes.split(",")), reverse=True)
        return Recipe(
            sizes=tuple(sizes),
            formats=tuple(self.settings.rendition_formats.split(",")),
            names_rights=self.settings.copyright_notice == "keep",
        )

    @cached_property
    def limits(self) -> Limits:
        """How large a picture may be."""
        from chalicelib.core.pictures import Limits

        given = self.settings
        return Limits(
            pixels=given.max_pixels,
            scaled_pixels=given.max_scaled_pixels,
            side=given.max_side,
            frames=given.max_frames,
            takes_damaged=given.damaged_images == "warn",
            heic=given.heic_images == "take",
        )

    @cached_property
    def processing(self) -> Job:
        """The job behind the images queue."""
        from chalicelib.services.processing import Processing

        catalog, limit, metrics = self.state.catalog, self.settings.max_upload_bytes, self.metrics
        known = self.privacy.is_private
        return Processing(
            self.attempts, catalog, self.objects, self.recipe, self.limits, limit, self.steps, metrics, known
        )

    @cached_property
    def desk(self) -> Desk:
        """What people see and steer."""
        from chalicelib.wiring.desk import Desk

        return Desk(self)

    @cached_property
    def night(self) -> Night:
        """Long jobs, and what starts them."""
        from chalicelib.wiring.night import Night

        return Night(self)
