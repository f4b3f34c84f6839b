SELECT outbox.now_us()
