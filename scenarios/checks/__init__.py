"""What ``check`` proves, one small file for each proof."""
