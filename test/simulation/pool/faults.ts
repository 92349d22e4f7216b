/** What goes wrong in a pool's simulation, and the pushes of its administrator. */
import type { PeerSend } from '../../../src/engine/effects.ts';
import type { Fate } from '../disk.ts';
import type { Random } from '../random.ts';
import { Administrator } from './administrator.ts';
import type { Mode } from './options.ts';
import { Outages } from './outages.ts';
import { Restorer } from './restorer.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

const SECOND = 1_000;
const DAY = 24 * 3_600 * SECOND;
/** Modes in which faults are about as long as something else takes. */
const SPANNED: ReadonlySet<Mode> = new Set(['tight', 'claims', 'held-up']);
const SUSPEND_MS = { min: 100, mean: 10 * SECOND, max: 60 * SECOND };

export class PoolFaults {
  readonly #world: PoolWorld;
  readonly #random: Random;
  /** Servers whose wall clocks may jump: never a majority. */
  readonly jumpers: readonly PoolServer[];
  /** How far each of them is off. */
  readonly #off = new Map<PoolServer, number>();
  /** Until when a server is killed again soon after it starts, in true time. */
  readonly #loops = new Map<PoolServer, number>();
  /** Servers that start again at once. */
  readonly #hasty = new Set<PoolServer>();
  readonly restorer: Restorer;
  readonly administrator: Administrator;
  #outages: Outages | null = null;
  /** Until when servers or their links do not do as they should, as far as that is planned. */
  #troubledUntil = 0;
  #stopped = false;
  readonly counts = {
    kills: 0,
    loops: 0,
    powerCuts: 0,
    failedCommits: 0,
    suspends: 0,
    jumps: 0,
    pushes: 0,
    partitions: 0,
    sites: 0,
    oneWays: 0,
    resets: 0,
    cuts: 0,
    vanished: 0,
    vultures: 0,
    outages: 0,
    wholeOutages: 0,
    restores: 0,
    rolledBack: 0,
    rotations: 0,
    evictions: 0,
    transfers: 0,
  };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    const { servers } = world;
    const first = random.integer(0, servers.length - 1);
    const usual = Array.from({ length: Math.floor((servers.length - 1) / 2) }, (_, n) => {
      return servers[(first + n) % servers.length];
    }).filter((server) => server !== undefined);
    // Where servers come and go, one that was not there at the founding: it is never alone.
    const spares = servers.filter(({ isSpare }) => isSpare);
    const spare = spares[first % spares.length];
    const wrong = spare === undefined ? usual : [spare];
    this.jumpers = world.options.faults.wallJumpMs === null ? [] : wrong;
    this.restorer = new Restorer(world, random.fork());
    this.administrator = new Administrator(world, random.fork());
  }

  start(): void {
    const { faults } = this.#world.options;
    this.#every(faults.killMs, () => this.#kill());
    this.#every(faults.loopMs, () => this.#loop());
    this.#every(faults.powerMs, () => this.#cutPower());
    this.#every(faults.suspendMs, () => this.#suspend());
    this.#every(faults.wallJumpMs, () => this.#jump());
    this.#every(faults.restoreMs, () => this.restorer.begin());
    this.#every(faults.partitionMs, () => this.#part(false));
    this.#every(faults.aloneMs, () => this.#part(true));
    this.#every(faults.siteMs, () => this.#partSite());
    this.#every(faults.resetMs, () => this.#reset());
    this.#every(faults.cutMs, () => this.#cut());
    this.#every(faults.vanishMs, () => this.#vanish());
    this.#every(faults.pushMs, () => this.#push());
    this.#every(faults.rotateMs, () => this.#rotate());
    this.#every(faults.evictMs, () => this.#evict());
    this.#every(faults.transferMs, () => this.#transfer());
    this.#every(faults.wholeMs ?? null, () => this.#stopAll());
    if (faults.outageMs !== null) {
      this.#outages = new Outages(this.#world, this.#random.fork(), () => this.counts.outages++);
      this.#outages.start();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.restorer.stop();
    if (this.#world.members === null) return;
    // Whoever is left may be few: their clocks are set right.
    for (const [server, ms] of this.#off) server.host.jumpWall(-ms);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** When all that goes wrong between servers is over, true time; in the past where it is. */
  get troubledUntil(): number {
    return this.#troubledUntil;
  }

  /** Something is wrong with servers or their links for so long. */
  troubled(forMs: number): void {
    this.#troubledUntil = Math.max(this.#troubledUntil, this.#world.agenda.now + forMs);
  }

  fateOfCommit(random: Random): Fate {
    if (this.#stopped || !random.chance(this.#world.options.faults.commitFailure)) return 'flushed';
    this.counts.failedCommits++;
    return random.chance(0.5) ? 'failed, kept' : 'failed, lost';
  }

  /** In the midst of sending. */
  dies(): boolean {
    return !this.#stopped && this.#random.chance(this.#world.options.faults.commitFailure / 2);
  }

  /** It said something after which a crash matters most: a vote, or a word about a seat. */
  sent({ server }: PoolProcess, sends: readonly PeerSend[]): void {
    const { vultures } = this.#world.options.faults;
    if (this.#stopped || vultures === 0 || !sends.some(isGrave)) return;
    if (!this.#random.chance(vultures)) return;
    this.counts.vultures++;
    this.#hasty.add(server);
    this.#world.agenda.after(this.#random.between(0, 20), () => this.#world.kill(server, false));
  }

  /** How long a server that died stays down, in true milliseconds. */
  downMs(server: PoolServer): number {
    if (this.#hasty.delete(server)) return this.#random.between(20, 400);
    if (this.#isLooping(server)) return this.#random.between(100, 1_500);
    return this.#about(this.#world.options.faults.downMs);
  }

  started(server: PoolServer): void {
    if (!this.#isLooping(server)) return;
    const livesMs = this.#random.exponential(this.#random.pick([300, 3_000, 8_000]));
    this.#world.agenda.after(livesMs, () => {
      if (this.#isLooping(server)) this.#world.kill(server, false);
    });
  }

  #isLooping(server: PoolServer): boolean {
    return !this.#stopped && this.#world.agenda.now < (this.#loops.get(server) ?? 0);
  }

  #every(meanMs: number | null, happen: () => void): void {
    if (meanMs === null) return;
    this.#world.agenda.after(this.#random.exponential(meanMs), () => {
      if (this.#stopped) return;
      happen();
      this.#every(meanMs, happen);
    });
  }

  /** Those who lead die more often; but who leads over many fences lives on. */
  #victim(): PoolServer {
    const { servers, options } = this.#world;
    const leader = servers.find(({ leads }) => leads);
    if (options.faults.spares && servers.length > 1 && this.#random.chance(0.7)) {
      return this.#random.pick(servers.filter((server) => server !== leader));
    }
    if (leader !== undefined && this.#random.chance(0.3)) return leader;
    return this.#random.pick(servers);
  }

  /** A majority is left alone while another server is lost, mostly. */
  get #isSpared(): boolean {
    const { servers, options, agenda } = this.#world;
    if (!options.faults.spares || this.#random.chance(0.1)) return false;
    const isWhole = servers.every(({ process }) => process !== null);
    return !isWhole || agenda.now < this.#troubledUntil;
  }

  #kill(): void {
    if (this.#isSpared) return;
    this.counts.kills++;
    this.#world.kill(this.#victim(), false);
  }

  #loop(): void {
    if (this.#isSpared) return;
    this.counts.loops++;
    const server = this.#victim();
    this.#loops.set(server, this.#world.agenda.now + this.#random.between(5_000, 40_000));
    this.#world.kill(server, false);
  }

  /** Of one machine, of some, or of all. */
  #cutPower(): void {
    this.counts.powerCuts++;
    const share = this.#random.pick([0, 0, 0, 0.5, 1]);
    const victim = this.#victim();
    for (const server of this.#world.servers) {
      if (server === victim || this.#random.chance(share)) this.#world.kill(server, true);
    }
  }

  /** All of them are down at a time. */
  #stopAll(): void {
    this.counts.wholeOutages++;
    const power = this.#random.chance(0.5);
    for (const server of this.#world.servers) {
      const afterMs = this.#random.between(0, 400);
      this.#world.agenda.after(afterMs, () => this.#world.kill(server, power));
    }
  }

  #suspend(): void {
    if (this.#isSpared) return;
    this.counts.suspends++;
    const { servers, clients } = this.#world;
    const { min, mean, max } = SUSPEND_MS;
    const forMs = Math.min(max, min + this.#random.exponential(mean));
    const one = this.#random.chance(0.7) ? this.#victim() : this.#random.pick(clients);
    const everybody = this.#random.chance(0.05);
    this.troubled(forMs);
    for (const { host } of everybody ? [...servers, ...clients] : [one]) host.sleep(forMs);
    const who = everybody ? 'everybody' : one.name;
    this.#world.trace(() => `${who} is suspended for ${forMs.toFixed(0)} ms`);
  }

  #jump(): void {
    if (this.jumpers.length === 0) return;
    this.counts.jumps++;
    const far = this.#random.chance(0.5) ? DAY : 60 * SECOND;
    const server = this.#random.pick(this.jumpers);
    const ms = Math.round(this.#random.between(-far, far));
    this.#world.trace(() => `the wall clock of ${server.name} jumps by ${ms} ms`);
    server.host.jumpWall(ms);
    this.#off.set(server, ms + (this.#off.get(server) ?? 0));
  }

  #part(alone: boolean): void {
    if (this.#isSpared) return;
    const forMs = this.#about(this.#random.pick(this.#world.options.faults.partedMs));
    this.troubled(forMs);
    const kind = this.#world.network.part(forMs, alone ? this.#victim() : null);
    if (kind === 'one way' || kind === 'deaf' || kind === 'mute') this.counts.oneWays++;
    else this.counts.partitions++;
    this.#world.trace(() => `parted: ${kind}, for ${forMs.toFixed(0)} ms`);
  }

  /** Where faults are to end just before something else does, or just after: not far from it. */
  #about(ms: number): number {
    const { mode } = this.#world.options;
    if (SPANNED.has(mode)) return ms * this.#random.between(0.9, 1.15);
    return this.#random.exponential(ms);
  }

  #partSite(): void {
    if (!this.#isSpared) this.loseSite(this.#victim());
  }

  /** A server and the clients that use it see each other, and nobody else; it may die meanwhile. */
  loseSite(server: PoolServer): void {
    if (this.#stopped) return;
    const { options, network, clients } = this.#world;
    const forMs = this.#about(this.#random.pick(options.faults.partedMs));
    this.counts.sites++;
    this.troubled(forMs);
    network.part(forMs, server);
    for (const client of clients) {
      const isOfSite = client.place === server.place;
      for (const [place, path] of client.paths.entries()) {
        if (isOfSite === (place === server.place)) continue;
        path.cut('up', forMs);
        path.cut('down', forMs);
      }
    }
    this.#world.trace(() => `${server.name} and its clients are parted for ${forMs.toFixed(0)} ms`);
    if (!this.#random.chance(0.4)) return;
    const atMs = forMs * this.#random.pick([this.#random.next(), 0.98, 1.02]);
    this.#world.agenda.after(atMs, () => this.#world.kill(server, false));
  }

  /** A client asks it to take on a seat that was elsewhere. */
  asked(server: PoolServer): void {
    const { claimVultures } = this.#world.options.faults;
    if (this.#stopped || claimVultures === 0 || !this.#random.chance(claimVultures)) return;
    if (this.#outages !== null) {
      this.#outages.strikes(server);
      return;
    }
    this.counts.vultures++;
    this.#world.agenda.after(this.#random.between(0, 400), () => this.#world.kill(server, false));
  }

  #reset(): void {
    this.counts.resets++;
    this.troubled(0);
    this.#world.network.reset();
  }

  /** A client loses some of the servers, or all. */
  #cut(): void {
    this.counts.cuts++;
    const share = this.#random.pick([0.3, 1]);
    const forMs = this.#random.exponential(20 * SECOND);
    for (const path of this.#random.pick(this.#world.clients).paths) {
      if (!this.#random.chance(share)) continue;
      if (this.#random.chance(0.7)) path.cut('up', forMs);
      if (this.#random.chance(0.7)) path.cut('down', forMs);
    }
  }

  #vanish(): void {
    this.counts.vanished++;
    this.#random.pick(this.#world.clients).vanish(this.#random.exponential(10 * SECOND));
  }

  #evict(): void {
    if (this.administrator.evict()) this.counts.evictions++;
  }

  #transfer(): void {
    this.troubled(0);
    if (this.administrator.transfer()) this.counts.transfers++;
  }

  #push(): void {
    // Now and then one that was pushed before.
    const old = this.#random.chance(0.2);
    const { newestSequence } = this.#world.rlfs;
    const sequence = old ? this.#random.integer(1, newestSequence) : this.#world.rlfs.draw();
    this.counts.pushes++;
    this.#world.offer(this.#random.pick(this.#world.servers), sequence);
  }

  /** As a server passes it on; only a leader minds it. */
  #rotate(): void {
    const leader = this.#world.servers.find(({ leads }) => leads);
    if (leader === undefined) return;
    this.counts.rotations++;
    this.#world.trace(() => `${leader.name} is to rotate the secret`);
    const message = { type: 'rotate-secret' } as const;
    leader.host.later(0, () => leader.receive({ type: 'peer', from: leader.id, message }));
  }
}

function isGrave({ message }: PeerSend): boolean {
  if (message.type === 'relayed') return true;
  if (message.type !== 'raft') return false;
  const { message: raft } = message;
  return raft.type === 'vote-reply' && raft.granted;
}
