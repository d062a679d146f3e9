"""The M/M/c model of kernel.mjs on SimPy 2.3: one process for each customer, the way SimPy's own examples are written.

Arguments: servers, utilisation, customers, seed. Prints events, mean wait in the queue, and processor seconds.
"""

import json
import random
import sys
import time

from SimPy.Simulation import Process, Resource, Simulation, hold, release, request


class Customer(Process):
    def visit(self, servers, totals):
        arrived = self.sim.now()
        yield request, self, servers
        totals["waited"] += self.sim.now() - arrived
        yield hold, self, random.expovariate(1.0)
        totals["events"] += 1
        yield release, self, servers


class Source(Process):
    def arrive(self, count, rate, servers, totals):
        for _ in range(count):
            customer = Customer(sim=self.sim)
            self.sim.activate(customer, customer.visit(servers, totals))
            totals["events"] += 1
            yield hold, self, random.expovariate(rate)


def main():
    servers, utilisation, customers, seed = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    random.seed(seed)
    sim = Simulation()
    sim.initialize()
    counter = Resource(capacity=servers, sim=sim)
    totals = {"waited": 0.0, "events": 0}
    source = Source(sim=sim)
    begun = time.process_time()
    sim.activate(source, source.arrive(customers, utilisation * servers, counter, totals))
    sim.simulate(until=1e18)
    seconds = time.process_time() - begun
    print(json.dumps({"events": totals["events"], "meanWait": totals["waited"] / customers, "cpuSeconds": seconds}))


main()
