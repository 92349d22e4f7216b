import { BaseCommand } from '../shared/base-command.ts';
import { rlfTemplate } from '../shared/rlf-template.ts';

export default class RlfTemplate extends BaseCommand {
  static override readonly summary = 'Print an RLF to fill in';
  static override readonly description =
    'For a pool that is set up by hand: fill in the names, the keys and the fingerprints ' +
    '(`server new` prints them), then sign it. `pool init` does all of that in one step.';
  static override readonly examples = ['<%= config.bin %> rlf template > pool.toml'];

  override async run(): Promise<void> {
    await this.parse(RlfTemplate);
    process.stdout.write(rlfTemplate({ pool: 'NAME', admin: 'ed25519:…', servers: SERVERS }));
  }
}

const SERVERS = ['A', 'B', 'C'].map((name) => {
  const host = `license-${name.toLowerCase()}.example.com`;
  return { name, address: `${host}:5930`, fingerprint: 'sha256:…' };
});
