import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Figures, figuresOf, type Scenario } from "../../scripts/fleet.ts";
import { Load } from "../../scripts/fleet/load.ts";

/** No herd is above the mean by more than that. */
const BAR = 3;
const OFTEN = { every: 30, within: 30 };

/** The figures of agents who are so few that chance needs a longer interval to even out. */
async function figures(
  scenario: Omit<Scenario, "name">,
  jitter: boolean,
  agents = 500,
): Promise<Figures> {
  return await figuresOf({ name: "", ...scenario }, {
    ...{ agents, jitter, seed: 1 },
    interval: scenario.life / 12,
  });
}

describe("a fleet of agents", () => {
  for (const life of [3600, 900]) {
    const scenario = { life, calls: OFTEN };
    it(`that starts as one doesn't renew its tokens of ${life} s as one`, async () => {
      const { herd, perHour } = await figures(scenario, true);
      assert(herd <= BAR, `${herd}`);
      const without = await figures(scenario, false);
      assert(without.herd > BAR, `${without.herd}`);
      // What that costs.
      assert(perHour < without.perHour * 1.45, `${perHour}`);
    });

    for (const outage of [2 * life / 3, 4 * life]) {
      it(`with tokens of ${life} s outlives an outage of five minutes after ${outage} s, and doesn't come back as one`, async () => {
        const { failed, unanswered, herd } = await figures(
          { ...scenario, outage },
          true,
          5000,
        );
        assertEquals(failed, 0);
        assert(unanswered > 0);
        assert(herd <= BAR, `${herd}`);
      });
    }
  }

  it("has calls fail where the outage is longer than a third of a token's life", async () => {
    const outage = { life: 600, calls: OFTEN, outage: 2400 };
    assert((await figures(outage, true)).failed > 0);
  });

  it("is a herd in spite of it all where cron calls all of it at once", async () => {
    const cron = { life: 3600, calls: { every: 3600, within: 0 } };
    assertEquals((await figures(cron, true)).peak, 500);
    const delayed = { life: 3600, calls: { every: 3600, within: 1800 } };
    assert((await figures(delayed, true)).herd <= BAR);
  });

  it("has the same figures with the same seed", async () => {
    const scenario = { life: 900, calls: OFTEN, outage: 3600 };
    assertEquals(await figures(scenario, true), await figures(scenario, true));
  });
});

describe("the load of a service", () => {
  it("is counted by the second", () => {
    const load = new Load(4);
    for (const time of [0, 999, 1000, 3999, 4000]) load.add(time);
    assertEquals([load.total, load.mean, load.peak], [4, 1, 2]);
    assertEquals([load.busiest(1), load.busiest(2)], [2, 1.5]);
    assertEquals(load.between(1, 4).total, 2);
  });

  it("is exceeded in one second of a hundred", () => {
    const load = new Load(200);
    for (const second of [7, 7, 9, 11]) load.add(second * 1000);
    assertEquals(load.percentile99, 1);
  });
});
