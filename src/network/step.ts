/**
 * @module Steps: the places between which the process may die.
 */

import { channel } from 'node:diagnostics_channel';

const steps = channel('pontoon:step');

/**
 * Says on the diagnostics channel 'pontoon:step' what is done next. Between any two steps the process may die: the
 * kill tests do that, and the reconciler must mend it.
 */
export function step(name: string): void {
  if (steps.hasSubscribers) steps.publish({ step: name });
}
