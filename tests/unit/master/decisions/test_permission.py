"""Who may do what, by what they were given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import ForbiddenError, UnauthorizedError
from builder.master.decisions.permission import may, require
from builder.model.visitor import EVERYTHING, Act, Grant, Nobody, Person

ACTS = st.sampled_from(Act)
PROJECTS = st.sampled_from(["hello", "other", "third"])
GRANTS = st.builds(Grant, acts=st.frozensets(ACTS), project=st.none() | PROJECTS)
PEOPLE = st.builds(Person, name=st.just("ada"), grants=st.lists(GRANTS, max_size=4).map(tuple))


@given(ACTS, PROJECTS)
def test_nobody_may_read_and_no_more(act: Act, project: str) -> None:
    """Neither in a project nor in any at all."""
    assert may(Nobody(), act, project) is may(Nobody(), act, None) is (act is Act.READ)


@given(ACTS, PROJECTS)
def test_who_may_everything_may_it_everywhere(act: Act, project: str) -> None:
    """Each act in each project."""
    assert may(Person(name="ada", grants=EVERYTHING), act, project)


@given(PEOPLE, ACTS)
def test_in_some_project_is_what_no_project_means(person: Person, act: Act) -> None:
    """Who may do it in no project that a grant names, nor in a new one, may do it nowhere; and the other way round."""
    everywhere = {grant.project or "new" for grant in person.grants}
    assert may(person, act, None) == any(may(person, act, project) for project in everywhere)


@given(PEOPLE, ACTS, PROJECTS)
def test_nothing_is_allowed_that_was_not_given(person: Person, act: Act, project: str) -> None:
    """What a visitor may is what a grant for this project, or for all, names."""
    given_ = {own for grant in person.grants if grant.project in {None, project} for own in grant.acts}
    assert may(person, act, project) == (act in given_)


@given(PEOPLE, GRANTS, ACTS, PROJECTS)
def test_more_leave_takes_none_away(person: Person, more: Grant, act: Act, project: str) -> None:
    """A grant only adds."""
    richer = Person(name="ada", grants=(*person.grants, more))
    assert may(richer, act, project) >= may(person, act, project)


def test_the_refusal_says_who_may_not_do_what_where() -> None:
    """A stranger is told how to say who they are, a person what they may not."""
    with pytest.raises(UnauthorizedError, match="needs a token: send it as 'Authorization: Bearer TOKEN'"):
        require(Nobody(), Act.BUILD, "hello")
    bob = Person(name="bob", grants=(Grant(acts=frozenset({Act.BUILD}), project="hello"),))
    require(bob, Act.BUILD, "hello")
    require(bob, Act.BUILD, None)
    with pytest.raises(ForbiddenError, match=r"^`bob` may not build in the project `other`: ask"):
        require(bob, Act.BUILD, "other")
    with pytest.raises(ForbiddenError, match=r"^`bob` may not keep-secrets: ask"):
        require(bob, Act.KEEP_SECRETS, None)
