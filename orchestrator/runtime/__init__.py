"""The engine: takes deliveries, runs stages, settles. It knows no stage, no store and no driver but the broker's."""
