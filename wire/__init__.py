"""The contract between edge agents and the ingestion server: pure, versioned, without I/O."""
