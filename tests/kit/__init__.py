"""What the tests stand on: real servers, a proxy that breaks connections, and the checker that counts jobs."""
