"""What a Lambda needs around the use cases: settings, telemetry, bus, queues, HTTP answers."""
