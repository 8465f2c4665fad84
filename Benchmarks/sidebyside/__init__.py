"""The side-by-side benchmark: Headgate, other poolers and no proxy, in interleaved rounds on one machine."""
