"""The newest GIMP: some of the other files' tests, run in there."""

from __future__ import annotations

import pytest
from plug_in import PlugIn
from test_again import (
    test_a_layer_of_a_saved_and_opened_image_is_painted_again as test_again,  # noqa: F401
)
from test_batch import (  # noqa: F401
    folder,
    pictures,
)
from test_batch import (
    test_the_readme_s_line_for_a_file_is_true as test_batch_line,  # noqa: F401
)
from test_filter_in_a_window import (
    test_menu_dialog_and_ok_make_a_layer_in_one_undo_step as test_in_a_window,  # noqa: F401
)
from test_layers import (
    test_filters_masks_and_groups_are_read_as_they_look as test_layers,  # noqa: F401
)
from test_masks import (
    test_a_mask_is_transparency_unless_it_is_to_protect as test_mask,  # noqa: F401
)
from test_masks import (
    test_only_the_selection_changes_but_the_engine_sees_around_it as test_selection,  # noqa: F401
)
from test_styles_in_gimp import (
    test_the_visible_layers_of_a_group_are_styles_weighed_by_their_opacity as test_styles,  # noqa: F401
)

pytestmark = pytest.mark.parametrize("gimp", ["forky"], indirect=True)


def test_it_is_newer(plug_in: PlugIn) -> None:
    assert tuple(map(int, plug_in.gimp.version.split("."))) >= (3, 2, 6)
