"""What isolation costs, and what it keeps: launches, polls, kills, noisy neighbours, jobs with and without it."""
