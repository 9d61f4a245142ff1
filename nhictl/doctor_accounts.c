#include "nhictl/doctor.h"
void doctor_accounts(struct doctor *d) { (void)d; }
