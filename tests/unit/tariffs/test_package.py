from __future__ import annotations

import tariffs


class TestPackage:
    def test_offers_what_it_names(self):
        """Every public name exists, is named once, and the list is sorted by kind."""
        assert len(tariffs.__all__) == len(set(tariffs.__all__))
        assert all(hasattr(tariffs, name) for name in tariffs.__all__)
