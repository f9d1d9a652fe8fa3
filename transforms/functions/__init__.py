"""The thinking behind the stages: plain Python without Beam, testable with a call."""
