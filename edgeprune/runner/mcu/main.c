#include "ep_runner.h"

int main(void)
{
    ep_runner();
}
