"""What `newsbeam doctor` looks at: the machine, the installation, the lake and the network, each with its remedy."""
