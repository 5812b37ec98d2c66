import pytest

from conveyor.model.convert.head import read_parts
from conveyor.model.errors import ConversionError


@pytest.mark.parametrize("text", ["first", "max+max", "max,mean", "", "concat+max"])
def test_a_pooling_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConversionError, match="is no pooling: give last, max or mean"):
        read_parts(text)
