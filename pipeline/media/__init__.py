"""The only place that opens media or starts ffmpeg."""
