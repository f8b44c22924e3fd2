"""The options of structure from motion are flags, and messages name them."""

from dataclasses import asdict

import pytest
import tyro

from warpdata.geometry.sfm.options import SfmOptions


def parsed(*arguments):
    return tyro.cli(SfmOptions, args=arguments, config=(tyro.conf.OmitArgPrefixes,))


def test_every_option_has_its_flag():
    flags = ["--match-megapixels", "1", "--depth-megapixels", "2", "--stereo-sources", "3", "--sfm-threads", "4"]
    options = parsed(*flags, "--sfm-time-limit-s", "5")
    assert list(asdict(options).values()) == [1.0, 2.0, 3, 4, 5.0]
    assert parsed() == SfmOptions()


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("match_megapixels", 0.0, "`match_megapixels` is 0.0"),
        ("depth_megapixels", -1.0, "`depth_megapixels` is -1.0"),
        ("depth_megapixels", float("nan"), "`depth_megapixels` is nan"),
        ("time_limit_s", 0.0, "`time_limit_s` is 0.0"),
        ("sources", 0, "`sources` is 0"),
        ("threads", -1, "`threads` is -1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_flag(field, value, flag):
    with pytest.raises(ValueError, match=flag):
        SfmOptions(**{field: value})
