"""The use cases: keeping tokens, onboarding merchants. No boto3, no requests."""
