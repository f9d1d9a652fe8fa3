"""What newsbeam's rows and tables look like; imports nothing of newsbeam."""
