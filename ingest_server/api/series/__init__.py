"""Series of tags: definitions, buckets from readings or rollups, and what is missing."""
