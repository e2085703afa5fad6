// Holds the precompiled header and nothing else.
