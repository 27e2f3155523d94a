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
    from chalicelib.services.arrivals import Arrivals
    from chalicelib.services.attempts import Attempts
    from chalicelib.services.browsing import Browsing
    from chalicelib.services.bulk import Bulk
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

        return Intake(clock=self.clock, rules=self.rules)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Finding the task of a repeated request."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.idempotency import Idempotency

        return Idempotency(tasks=self.state.tasks, clock=self.clock, new_id=new_id)

    @cached_property
    def families(self) -> Families:
        """Ending parents."""
        from chalicelib.services.families import Families

        return Families(tasks=self.state.tasks, clock=self.clock, rules=self.rules)

    @cached_property
    def tasks(self) -> Tasks:
        """Looking at tasks and steering them."""
        from chalicelib.services.tasks import Tasks

        return Tasks(store=self.state.tasks, clock=self.clock, rules=self.rules, families=self.families)

    @cached_property
    def uploads(self) -> Uploads:
        """Taking files in."""
        from chalicelib.services.uploads import Uploads

        store, limit = self.state, self.settings.max_body_bytes
        return Uploads(
            tasks=store.tasks,
            catalog=store.catalog,
            objects=self.objects,
            intake=self.intake,
            idempotency=self.idempotency,
            max_bytes=limit,
            metrics=self.metrics,
        )

    @cached_property
    def bulk(self) -> Bulk:
        """Taking many files in at once."""
        from chalicelib.services.bulk import Bulk

        return Bulk(uploads=self.uploads, families=self.families)

    @cached_property
    def drafts(self) -> Drafts:
        """Uploads straight into the bucket."""
        from chalicelib.services.drafts import Drafts

        limit = self.settings.max_upload_bytes
        return Drafts(
            tasks=self.state.tasks,
            objects=self.objects,
            intake=self.intake,
            idempotency=self.idempotency,
            max_bytes=limit,
            metrics=self.metrics,
        )

    @cached_property
    def retries(self) -> Retries:
        """Trying again."""
        from chalicelib.services.retries import Retries

        return Retries(
            tasks=self.state.tasks, objects=self.objects, queues=self.queues, intake=self.intake, families=self.families
        )

    @cached_property
    def letters(self) -> Letters:
        """Making dead letters."""
        from chalicelib.services.letters import Letters

        return Letters(queues=self.queues, metrics=self.metrics)

    @cached_property
    def sweeper(self) -> Sweeper:
        """Looking after silent tasks."""
        from chalicelib.services.sweeping import Sweeper

        store, metrics, bury = self.state.tasks, self.metrics, self.letters.bury
        return Sweeper(
            tasks=store,
            objects=self.objects,
            queues=self.queues,
            families=self.families,
            clock=self.clock,
            rules=self.rules,
            metrics=metrics,
            bury=bury,
        )

    @cached_property
    def delivery(self) -> Delivery:
        """Finding images."""
        from chalicelib.services.delivery import Delivery

        return Delivery(
            catalog=self.state.catalog, cdn_url=self.settings.cdn_url, forwarding=self.forwarding, objects=self.objects
        )

    @cached_property
    def collections(self) -> Collections:
        """Creating and describing collections."""
        from chalicelib.services.collections import Collections

        return Collections(self.state.catalog)

    @cached_property
    def privacy(self) -> Privacy:
        """Which collections are private."""
        from chalicelib.services.privacy import Privacy

        return Privacy(catalog=self.state.catalog, objects=self.objects)

    @cached_property
    def signatures(self) -> Signatures:
        """Addresses of private pictures."""
        from chalicelib.core.keyring import Purpose
        from chalicelib.services.privacy import Signatures

        return Signatures(seals=self._seals(Purpose.LINKS), clock=self.clock, may_read=self.tokens.may_read)

    @cached_property
    def cursor_seals(self) -> Seals:
        """Seals of the cursors that clients page with."""
        from chalicelib.core.keyring import Purpose

        return self._seals(Purpose.CURSORS)

    def _seals(self, purpose: Purpose) -> Seals:
        from chalicelib.services.sealing import Seals

        # Tests give a house another secret while it stands.
        return Seals(purpose=purpose, keyring=self.keyring, bootstrap=lambda: self.bootstrap(), clock=self.clock)  # noqa: PLW0108

    @cached_property
    def browsing(self) -> Browsing:
        """Collections in any order."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.browsing import Browsing

        return Browsing(catalog=self.state.catalog, clock=self.clock, new_id=new_id)

    @cached_property
    def forwarding(self) -> Forwarding:
        """Finding images by names that they had."""
        from chalicelib.services.forwarding import Forwarding

        return Forwarding(self.objects)

    @cached_property
    def tokens(self) -> Tokens:
        """Who may do what."""
        from chalicelib.services.tokens import Tokens

        return Tokens(store=self.state.tokens, clock=self.clock, bootstrap=self.bootstrap)

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""
        from chalicelib.core.keyring import Purpose
        from chalicelib.services.sessions import Sessions
        from chalicelib.services.throttling import Throttle

        expiring = self.state.expiring
        return Sessions(
            tokens=self.tokens,
            seals=self._seals(Purpose.SESSIONS),
            ended=expiring,
            throttle=Throttle(store=expiring, clock=self.clock, name="sign-in"),
        )

    @cached_property
    def arrivals(self) -> Arrivals:
        """Which task an object belongs to."""
        from chalicelib.services.arrivals import Arrivals

        return Arrivals(tasks=self.state.tasks, clock=self.clock, rules=self.rules, metrics=self.metrics)

    @cached_property
    def attempts(self) -> Attempts:
        """Moving a task through one attempt."""
        import random

        from chalicelib.services.attempts import Attempts

        return Attempts(
            tasks=self.state.tasks, clock=self.clock, rules=self.rules, luck=random.random, bury=self.letters.bury
        )

    @cached_property
    def runner(self) -> Runner:
        """Running jobs."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.runner import Runner

        return Runner(attempts=self.attempts, families=self.families, new_id=new_id, checkpoint=self.steps)

    @cached_property
    def steps(self) -> Checkpoint:
        """What is done when work comes to a named place."""
        from chalicelib.services.steps import TimedSteps

        return TimedSteps(clock=self.clock, metrics=self.metrics)

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
            attempts=self.attempts,
            catalog=catalog,
            objects=self.objects,
            recipe=self.recipe,
            limits=self.limits,
            max_bytes=limit,
            checkpoint=self.steps,
            metrics=metrics,
            is_private=known,
        )
