"""Which agents a framework can use."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.messages import AttributeConstraint
from cluster.v1.errors import RefusedError
from cluster.v1.types.constraints import AttributeConstraint as V1Constraint
from cluster.v1.types.constraints import OfferConstraints

__all__ = ["constraints_of", "constraints_to"]

Groups = tuple[tuple[AttributeConstraint, ...], ...]
Predicate = V1Constraint.Predicate
Group = OfferConstraints.RoleConstraints.Group


def constraints_of(constraints: OfferConstraints.RoleConstraints, path: str) -> Groups:
    """Groups of which one must hold. RefusedError for what is none, or not here."""
    if not constraints.groups:
        raise RefusedError(f"{path}.groups is empty")
    for place, group in enumerate(constraints.groups):
        if not group.attribute_constraints:
            raise RefusedError(f"{path}.groups[{place}].attribute_constraints is empty")
    return tuple(
        tuple(
            _constraint(each, f"{path}.groups[{place}].attribute_constraints[{number}]")
            for number, each in enumerate(group.attribute_constraints)
        )
        for place, group in enumerate(constraints.groups)
    )


def constraints_to(groups: Groups, roles: Iterable[str]) -> OfferConstraints | None:
    """The same as Mesos writes it, for each role; without those that compare numbers, which it has not."""
    written = tuple(
        Group(attribute_constraints=tuple(each for each in map(_written, group) if each is not None))
        for group in groups
    )
    constraints = OfferConstraints.RoleConstraints(
        groups=tuple(group for group in written if group.attribute_constraints)
    )
    if not constraints.groups:
        return None
    return OfferConstraints(role_constraints=dict.fromkeys(roles, constraints))


def _constraint(constraint: V1Constraint, path: str) -> AttributeConstraint:
    selector = constraint.selector
    if selector.pseudoattribute_type is not None:
        raise RefusedError(
            f"{path}.selector.pseudoattribute_type: constraints are on attributes only here, not on"
            f" {selector.pseudoattribute_type}"
        )
    if selector.attribute_name is None:
        raise RefusedError(f"{path}.selector.attribute_name is missing")
    found = [each for each in _found(constraint.predicate) if each is not None]
    if len(found) != 1:
        raise RefusedError(f"{path}.predicate has {len(found)} predicates that are known, must have one")
    return AttributeConstraint(selector.attribute_name, *found[0])


def _found(predicate: Predicate) -> list[tuple[str, str | None] | None]:
    equals, not_equals = predicate.text_equals, predicate.text_not_equals
    matches, not_matches = predicate.text_matches, predicate.text_not_matches
    return [
        None if predicate.exists is None else ("exists", None),
        None if predicate.not_exists is None else ("not_exists", None),
        None if equals is None else ("equals", equals.value),
        None if not_equals is None else ("not_equals", not_equals.value),
        None if matches is None else ("matches", matches.regex),
        None if not_matches is None else ("not_matches", not_matches.regex),
    ]


def _written(constraint: AttributeConstraint) -> V1Constraint | None:
    text = constraint.value if isinstance(constraint.value, str) else ""
    predicates = {
        "exists": lambda: Predicate(exists=Predicate.Exists()),
        "not_exists": lambda: Predicate(not_exists=Predicate.NotExists()),
        "equals": lambda: Predicate(text_equals=Predicate.TextEquals(value=text)),
        "not_equals": lambda: Predicate(text_not_equals=Predicate.TextNotEquals(value=text)),
        "matches": lambda: Predicate(text_matches=Predicate.TextMatches(regex=text)),
        "not_matches": lambda: Predicate(text_not_matches=Predicate.TextNotMatches(regex=text)),
    }
    made = predicates.get(constraint.predicate)
    if made is None:
        return None
    return V1Constraint(selector=V1Constraint.Selector(attribute_name=constraint.attribute), predicate=made())
