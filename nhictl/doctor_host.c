#include "nhictl/doctor.h"
void doctor_host(struct doctor *d) { (void)d; }
