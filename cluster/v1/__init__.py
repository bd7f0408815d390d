"""Mesos's v1 API: its messages, their JSON and protobuf, and what they are in ours."""
