"""Which agents a framework can use."""

from __future__ import annotations

from collections.abc import Iterable

from cluster.messages import HOSTNAME, REGION, ZONE, AttributeConstraint
from cluster.v1.errors import RefusedError
from cluster.v1.types.constraints import AttributeConstraint as V1Constraint
from cluster.v1.types.constraints import OfferConstraints

__all__ = ["constraints_of", "constraints_to"]

Groups = tuple[tuple[AttributeConstraint, ...], ...]
Predicate = V1Constraint.Predicate
Group = OfferConstraints.RoleConstraints.Group
Selector = V1Constraint.Selector

_PSEUDO = {
    Selector.PseudoattributeType.HOSTNAME: HOSTNAME,
    Selector.PseudoattributeType.REGION: REGION,
    Selector.PseudoattributeType.ZONE: ZONE,
}
_TYPES = {name: each for each, name in _PSEUDO.items()}
_ESCAPE = "@"


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
    name = _name(constraint.selector, f"{path}.selector")
    found = [each for each in _found(constraint.predicate) if each is not None]
    if len(found) != 1:
        raise RefusedError(f"{path}.predicate has {len(found)} predicates that are known, must have one")
    return AttributeConstraint(name, *found[0])


def _name(selector: Selector, path: str) -> str:
    name, pseudo = selector.attribute_name, selector.pseudoattribute_type
    if name is not None and pseudo is not None:
        raise RefusedError(f"{path} has attribute_name and pseudoattribute_type, must have one")
    if name is not None:
        # No attribute begins so, but what is meant here as one is not to be taken for another thing.
        return _ESCAPE + name if name.startswith(_ESCAPE) else name
    if pseudo is None:
        raise RefusedError(f"{path}.attribute_name is missing")
    if pseudo not in _PSEUDO:
        raise RefusedError(f"{path}.pseudoattribute_type is not one of {', '.join(_PSEUDO)}")
    return _PSEUDO[pseudo]


def _selector(name: str) -> Selector:
    if name in _TYPES:
        return Selector(pseudoattribute_type=_TYPES[name])
    escaped = name.startswith(_ESCAPE * 2)
    return Selector(attribute_name=name.removeprefix(_ESCAPE) if escaped else name)


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
    return V1Constraint(selector=_selector(constraint.attribute), predicate=made())
