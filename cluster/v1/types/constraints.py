"""Which agents a framework wants offers of."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import OneOf, Proto, ProtoEnum

__all__ = ["AttributeConstraint", "OfferConstraints"]

PACKAGE = "mesos.v1.scheduler"


class AttributeConstraint(Proto, frozen=True, kw_only=True):
    class Selector(Proto, frozen=True, kw_only=True):
        class PseudoattributeType(ProtoEnum):
            UNKNOWN = "UNKNOWN", 0
            HOSTNAME = "HOSTNAME", 1
            REGION = "REGION", 2
            ZONE = "ZONE", 3

        pseudoattribute_type: Annotated[
            AttributeConstraint.Selector.PseudoattributeType | None, 1, OneOf("selector")
        ] = None
        attribute_name: Annotated[str | None, 2, OneOf("selector")] = None

    class Predicate(Proto, frozen=True, kw_only=True):
        class Exists(Proto, frozen=True, kw_only=True):
            pass

        class NotExists(Proto, frozen=True, kw_only=True):
            pass

        class TextEquals(Proto, frozen=True, kw_only=True):
            value: Annotated[str, 1]

        class TextNotEquals(Proto, frozen=True, kw_only=True):
            value: Annotated[str, 1]

        class TextMatches(Proto, frozen=True, kw_only=True):
            regex: Annotated[str, 1]

        class TextNotMatches(Proto, frozen=True, kw_only=True):
            regex: Annotated[str, 1]

        exists: Annotated[AttributeConstraint.Predicate.Exists | None, 1, OneOf("predicate")] = None
        not_exists: Annotated[AttributeConstraint.Predicate.NotExists | None, 2, OneOf("predicate")] = None
        text_equals: Annotated[AttributeConstraint.Predicate.TextEquals | None, 3, OneOf("predicate")] = None
        text_not_equals: Annotated[
            AttributeConstraint.Predicate.TextNotEquals | None, 4, OneOf("predicate")
        ] = None
        text_matches: Annotated[AttributeConstraint.Predicate.TextMatches | None, 5, OneOf("predicate")] = (
            None
        )
        text_not_matches: Annotated[
            AttributeConstraint.Predicate.TextNotMatches | None, 6, OneOf("predicate")
        ] = None

    selector: Annotated[AttributeConstraint.Selector, 1]
    predicate: Annotated[AttributeConstraint.Predicate, 2]


class OfferConstraints(Proto, frozen=True, kw_only=True):
    class RoleConstraints(Proto, frozen=True, kw_only=True):
        class Group(Proto, frozen=True, kw_only=True):
            attribute_constraints: Annotated[tuple[AttributeConstraint, ...], 1] = ()

        groups: Annotated[tuple[OfferConstraints.RoleConstraints.Group, ...], 1] = ()

    role_constraints: Annotated[dict[str, OfferConstraints.RoleConstraints], 1] = {}
