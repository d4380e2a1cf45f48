"""The executor for one machine: processes side by side, fed by one parent that holds all state."""
