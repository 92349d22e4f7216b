import pjson from '../../package.json' with { type: 'json' };
import { PROTOCOL_MAX, PROTOCOL_MIN } from '../net/protocol.ts';
import { BaseCommand } from './shared/base-command.ts';

export default class Version extends BaseCommand {
  static override readonly summary = 'Show the version of lm and of the protocol it speaks';
  static override readonly examples = [
    '<%= config.bin %> version',
    '<%= config.bin %> version --json',
  ];
  static override readonly flags = { json: BaseCommand.json };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Version);
    const document = {
      version: pjson.version,
      protocol: { min: PROTOCOL_MIN, max: PROTOCOL_MAX },
      platform: `${process.platform}-${process.arch}`,
      bun: Bun.version,
    };
    if (flags.json) return this.printJson(document);
    const { version, protocol, platform, bun } = document;
    process.stdout.write(
      `lm ${version} (protocol ${protocol.min} to ${protocol.max}, ${platform}, bun ${bun})\n`,
    );
  }
}
