"""Bugs in what becomes of a picture."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ENGINE = (
    Mutant(
        "orientation-not-baked-in",
        "chalicelib/engine/steps.py",
        "return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image",
        "return image",
        "pictures of phones lie on their side",
        "tests/engine/test_publish.py::test_a_jpeg_encoded_anew_is_upright_and_has_its_own_size",
    ),
    Mutant(
        "alpha-dropped",
        "chalicelib/engine/encode.py",
        'form = "png" if codec == "jpeg" and image.mode == "RGBA" else codec',
        'image = image.convert("RGB") if codec == "jpeg" else image\n    form = codec',
        "logos get black corners",
        "tests/engine/test_pipeline.py::test_transparency_makes_the_common_format_png",
    ),
    Mutant(
        "gps-published",
        "chalicelib/engine/clean/jpeg.py",
        "    head = [_jfif(parts), _exif(orientation), _adobe(parts), *_profile(image, frame)]",
        "    kept = [segment(part.marker, part.body) for part in parts if part.marker == _APP1]\n"
        "    head = [_jfif(parts), *kept, _adobe(parts), *_profile(image, frame)]",
        "everybody sees where a picture was taken",
        "tests/engine/test_publish.py::test_nothing_that_is_published_says_where_a_picture_was_taken",
    ),
    Mutant(
        "pixels-without-a-bound",
        "chalicelib/engine/probe.py",
        '    Bound("pixels", most, TOO_MANY).check(width * height)\n',
        "",
        "a file of a few bytes takes all memory",
        "tests/engine/test_probe.py::test_each_limit_holds_for_each_format[JPEG-limits0-details0]",
    ),
    Mutant(
        "frames-not-multiplied",
        "chalicelib/engine/probe.py",
        "most // max(1, image.width * image.height)",
        "most",
        "an animation keeps a worker for minutes",
        "tests/engine/test_probe.py::test_every_frame_counts[GIF]",
    ),
    Mutant(
        "profile-ignored",
        "chalicelib/engine/steps.py",
        "    return upright(srgb(shrink(image, target, box), colour), source.exif.orientation)",
        "    return upright(shrink(image, target, box), source.exif.orientation)",
        "thumbnails have other colours than their pictures",
        "tests/engine/test_pipeline.py::test_thumbnails_have_the_colours_that_the_profile_means",
    ),
    Mutant(
        "bugs-called-bad-pictures",
        "chalicelib/engine/guard.py",
        "        if _is_ours(broken):\n            raise\n",
        "",
        "a full disk turns every picture into a damaged one, for good",
        "tests/engine/test_guard.py::test_what_we_lack_ourselves_is_not_held_against_the_picture[fault1]",
    ),
    Mutant(
        "enlarged-thumbnails",
        "chalicelib/engine/steps.py",
        "scale = min(1.0, longest / max(size))",
        "scale = longest / max(size)",
        "small pictures are blown up and cost more than they are",
        "tests/engine/test_pipeline.py::test_nothing_is_enlarged_and_no_side_vanishes[size0]",
    ),
    Mutant(
        "variants-by-brightness-alone",
        "chalicelib/engine/likeness.py",
        "return all(getattr(self, one.name) >= getattr(bound, one.name) for one in fields(self))",
        "return self.structure >= bound.structure",
        "drawings whose detail is in colour dissolve overnight",
        "tests/engine/test_variants.py::test_no_variant_loses_what_is_in_colour",
    ),
    Mutant(
        "recoded-forms-not-cleaned",
        "chalicelib/engine/optimize.py",
        "        return rebuilt(coded, source) if source.colour == colour else None\n",
        "        return coded\n",
        "what a coder writes beside the pixels is published",
        "tests/engine/test_optimize.py::test_what_a_coder_adds_is_not_published",
    ),
    Mutant(
        "foreign-files-published",
        "chalicelib/engine/publish.py",
        "    if is_foreign(body):\n        raise CannotRebuild\n",
        "",
        "a picture that is also an archive is served",
        "tests/engine/test_polyglots.py::test_no_reader_of_anything_else_finds_something_in_what_is_published",
    ),
)
