/** A `[[vendor]]` table, of RLFs and license files. */
import type { Fields } from './fields.ts';
import { publicKeyProblem } from './keys.ts';
import { nameProblem } from './names.ts';
import type { RlfVendor } from './types.ts';

export function vendorOf(table: Fields): RlfVendor {
  const vendor = {
    name: table.text('name', nameProblem),
    key: table.text('key', publicKeyProblem),
  };
  table.end();
  return vendor;
}
