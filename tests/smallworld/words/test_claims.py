from dataclasses import replace

from smallworld.stills.pictures import Picture, Placement
from smallworld.words.claims import Claim, ThingClaim, holds, stands, truth_table

CAT = Placement("cat", x=0.2, y=0.2, size=0.28, angle_deg=180)
DOG = Placement("dog", x=0.8, y=0.2, size=0.28)
CAT_ON_GRASS = Picture("grass", 1, (CAT,))
CAT_AND_DOG = Picture("beach", 1, (CAT, DOG))


def test_a_claim_holds_when_all_that_it_says_is_true() -> None:
    said = ThingClaim("cat", size="small", angle="upside down", place="top left")
    assert holds(Claim((said,), scene="grass"), CAT_ON_GRASS)
    assert not holds(Claim((said,), scene="beach"), CAT_ON_GRASS)
    for wrong in ({"thing": "dog"}, {"size": "huge"}, {"angle": "upright"}, {"place": "right"}):
        assert not holds(Claim((replace(said, **wrong),), scene="grass"), CAT_ON_GRASS)


def test_what_is_not_said_is_not_asked() -> None:
    assert holds(Claim((ThingClaim("cat"),)), CAT_AND_DOG)
    assert holds(Claim(scene="beach"), CAT_AND_DOG)


def test_two_of_a_kind_need_two_things() -> None:
    two_cats = Claim((ThingClaim("cat"), ThingClaim("cat")))
    assert not holds(two_cats, CAT_ON_GRASS)
    assert holds(two_cats, Picture("grass", 1, (CAT, replace(CAT, x=0.8))))


def test_details_belong_to_the_thing_that_they_are_said_of() -> None:
    assert holds(Claim((ThingClaim("cat", place="left"), ThingClaim("dog"))), CAT_AND_DOG)
    assert not holds(Claim((ThingClaim("cat"), ThingClaim("dog", place="left"))), CAT_AND_DOG)


def test_relations_need_a_clear_distance() -> None:
    assert stands(CAT, DOG, "left of")
    assert stands(DOG, CAT, "right of")
    assert not stands(CAT, DOG, "above")
    assert not stands(CAT, replace(DOG, x=0.3), "left of")
    assert holds(Claim((ThingClaim("cat"), ThingClaim("dog")), relation="left of"), CAT_AND_DOG)


def test_truth_table_has_a_row_for_each_claim() -> None:
    claims = [Claim((ThingClaim("cat"),)), Claim((ThingClaim("dog"),)), Claim(scene="grass")]
    table = truth_table(claims, [CAT_ON_GRASS, CAT_AND_DOG])
    assert table.tolist() == [[True, True], [False, True], [True, False]]
