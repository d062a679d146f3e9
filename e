node1/efm.properties:1:1: cannot read it: ENOENT: no such file or directory, open 'node1/efm.properties' [readable]
node2/efm.properties:1:1: cannot read it: ENOENT: no such file or directory, open 'node2/efm.properties' [readable]
pgpool.conf:1:1: cannot read it: ENOENT: no such file or directory, open 'pgpool.conf' [readable]
3 problems in the input; nothing was started
